package alicloudkms

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// healthTimeout bounds a look at KMS, since monitoring does not wait as long as a request with its repetitions may take.
const healthTimeout = 5 * time.Second

func (b *backend) healthPaths() []*framework.Path {
	return []*framework.Path{{
		Pattern:      "health",
		DisplayAttrs: &framework.DisplayAttributes{OperationPrefix: operationPrefix},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: reads(b.healthRead, "read", "health", healthAnswer),
		},
		HelpSynopsis: "Whether the engine can use KMS.",
		HelpDescription: `
Call KMS (DescribeRegions) with the stored configuration, for 5 seconds at most, and say what came of it. The status is 200
also if KMS can't be used: monitoring should look at healthy. error says what to do.

    vault read alicloudkms/health
    vault read -field=healthy alicloudkms/health
`,
	}}
}

var healthAnswer = answerFields{
	"healthy":              {Type: framework.TypeBool},
	"kms_reachable":        {Type: framework.TypeBool, Description: "KMS has answered, be it with a refusal."},
	"credentials_accepted": {Type: framework.TypeBool, Description: "The answer shows that KMS takes the access key."},
	"latency_ms":           {Type: framework.TypeInt64, Description: "How long the call took, with its repetitions and its wait for other calls."},
	"region":               {Type: framework.TypeString},
	"endpoint":             {Type: framework.TypeString},
	"error":                {Type: framework.TypeString, Description: "Why the call failed. Empty if it did not."},
	"error_code":           {Type: framework.TypeString, Description: "The code of KMS's refusal."},
	"request_id":           {Type: framework.TypeString, Description: "The id of the call in KMS's records."},
}

func (b *backend) healthRead(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	answer, err := call(limited, conn, &kmsapi.DescribeRegionsRequest{})
	v, text := verdict{healthy: true, reachable: true, accepted: true}, ""
	if err == nil {
		v.requestID = answer.RequestId
	} else {
		v, text = classify(err), b.explain(req, err).Error()
	}
	return &logical.Response{Data: map[string]any{
		"healthy":              v.healthy,
		"kms_reachable":        v.reachable,
		"credentials_accepted": v.accepted,
		"latency_ms":           time.Since(began).Milliseconds(),
		"region":               conn.region,
		"endpoint":             conn.kms.Endpoint(),
		"error":                text,
		"error_code":           string(v.code),
		"request_id":           v.requestID,
	}}, nil
}

// A verdict is what a call tells about the way to KMS.
type verdict struct {
	healthy, reachable, accepted bool
	code                         kmsapi.Code
	requestID                    string
}

// knownCaller holds the refusals that KMS has only for callers whose access key it accepts, and whether the engine can work
// nevertheless.
var knownCaller = map[kmsapi.Kind]bool{
	kmsapi.KindPermission: true, // No key needs DescribeRegions.
	kmsapi.KindThrottle:   false,
}

// classify is for a call that failed. Any other refusal leaves open whether KMS has looked at the access key.
func classify(err error) verdict {
	refused, ok := errors.AsType[*kmsapi.Error](err)
	if !ok {
		return verdict{}
	}
	healthy, accepted := knownCaller[refused.Kind()]
	return verdict{healthy: healthy, reachable: true, accepted: accepted, code: refused.Code, requestID: refused.RequestID}
}
