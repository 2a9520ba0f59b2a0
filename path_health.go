package alicloudkms

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// healthTimeout bounds the call to KMS, since monitoring does not wait as long as a call with its retries may take.
const healthTimeout = 5 * time.Second

func (b *backend) healthPaths() []*framework.Path {
	return []*framework.Path{{
		Pattern: "health",
		Operations: operations{
			logical.ReadOperation: anyNode(b.healthRead, "read", "health", healthAnswer),
		},
		HelpSynopsis: "Whether the engine can use KMS.",
		HelpDescription: `
Call KMS (DescribeRegions) with the stored configuration, for 5 seconds at most, and report the result. The status is 200
even if KMS can't be used: monitoring should look at healthy. error says what to do.

    vault read alicloudkms/health
    vault read -field=healthy alicloudkms/health
`,
	}}
}

var healthAnswer = answerFields{
	"healthy":       {Type: framework.TypeBool},
	"kms_reachable": {Type: framework.TypeBool, Description: "Whether KMS answered, even if it refused."},
	"credentials_accepted": {
		Type:        framework.TypeBool,
		Description: "Whether the answer shows that KMS accepts the access key.",
	},
	"latency_ms": {
		Type:        framework.TypeInt64,
		Description: "How long the call took, with its retries and its wait for other calls.",
	},
	"region":     {Type: framework.TypeString},
	"endpoint":   {Type: framework.TypeString},
	"error":      {Type: framework.TypeString, Description: "Why the call failed. Empty if it did not."},
	"error_code": {Type: framework.TypeString, Description: "The code of KMS's refusal."},
	"request_id": {Type: framework.TypeString, Description: "The id that KMS gave the call."},
}

func (b *backend) healthRead(
	ctx context.Context, req *logical.Request, _ *framework.FieldData,
) (*logical.Response, error) {
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	answer, err := call(limited, conn, &kmsapi.DescribeRegionsRequest{})
	h, message := health{healthy: true, reachable: true, accepted: true}, ""
	if err == nil {
		h.requestID = answer.RequestId
	} else {
		h, message = classify(err), b.explain(req, err).Error()
	}
	return &logical.Response{Data: map[string]any{
		"healthy":              h.healthy,
		"kms_reachable":        h.reachable,
		"credentials_accepted": h.accepted,
		"latency_ms":           time.Since(began).Milliseconds(),
		"region":               conn.region,
		"endpoint":             conn.kms.Endpoint(),
		"error":                message,
		"error_code":           string(h.code),
		"request_id":           h.requestID,
	}}, nil
}

// A health is what a call shows about the way to KMS.
type health struct {
	healthy, reachable, accepted bool
	code                         kmsapi.Code
	requestID                    string
}

// knownCaller holds the refusals that KMS has only for callers whose access key it accepts, and whether the engine can
// work nevertheless.
var knownCaller = map[kmsapi.Kind]bool{
	kmsapi.KindPermission: true, // No key needs DescribeRegions.
	kmsapi.KindThrottle:   false,
}

// classify is for a call that failed. Any other refusal leaves open whether KMS has looked at the access key.
func classify(err error) health {
	refused, ok := errors.AsType[*kmsapi.Error](err)
	if !ok {
		return health{}
	}
	healthy, accepted := knownCaller[refused.Kind()]
	return health{healthy: healthy, reachable: true, accepted: accepted, code: refused.Code, requestID: refused.RequestID}
}
