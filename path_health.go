package alicloudkms

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
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
even if KMS can't be used: monitoring should look at healthy. error says what to do. A dedicated gateway is asked to
decrypt a made-up ciphertext, and gateways has both results. data_keys counts how the data keys of keys in envelope
mode were used on this node.

    vault read alicloudkms/health
    vault read -field=healthy alicloudkms/health
`,
	}}
}

var healthAnswer = joined(gatewayHealthAnswer, answerFields{
	"region": {Type: framework.TypeString},
	"gateways": {
		Type:        framework.TypeMap,
		Description: "The other fields for each gateway that is used: shared, and dedicated.",
	},
	"data_keys": {
		Type:        framework.TypeMap,
		Description: "The data keys of envelope mode on this node, since the mount was loaded: hits, the uses without a call to KMS; kms_calls, and refusals among them; cached, how many are in memory now.",
	},
	"cache_ttl": {
		Type:        framework.TypeInt,
		Description: "How long a data key is used after KMS was last asked for it, in seconds.",
	},
})

// gatewayHealthAnswer describes what is known about one gateway.
var gatewayHealthAnswer = answerFields{
	"healthy":       {Type: framework.TypeBool},
	"kms_reachable": {Type: framework.TypeBool, Description: "Whether KMS answered, even if it refused."},
	"credentials_accepted": {
		Type:        framework.TypeBool,
		Description: "Whether the answer shows that KMS accepts the access key.",
	},
	"latency_ms": {
		Type:        framework.TypeInt64,
		Description: "How long the call took, including retries and waiting for other calls.",
	},
	"endpoint":   {Type: framework.TypeString},
	"error":      {Type: framework.TypeString, Description: "Why the call failed. Empty if it did not."},
	"error_code": {Type: framework.TypeString, Description: "The code of KMS's refusal."},
	"request_id": {Type: framework.TypeString, Description: "The id that KMS gave the call."},
}

// healthRead shows the first gateway that can't be used, or else the shared one, and lists all of them under gateways.
func (b *backend) healthRead(
	ctx context.Context, req *logical.Request, _ *framework.FieldData,
) (*logical.Response, error) {
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, b.process.healthTimeout)
	defer cancel()
	reports := b.checkGateways(limited, req, conn)
	shown, all := reports[0], map[string]any{}
	for _, r := range slices.Backward(reports) {
		if !r.healthy {
			shown = r
		}
		all[r.gateway] = r.fields()
	}
	data := shown.fields()
	data["region"], data["gateways"] = conn.region, all
	data["data_keys"], data["cache_ttl"] = b.dataKeyFields(), int(conn.cacheTTL/time.Second)
	return &logical.Response{Data: data}, nil
}

// dataKeyFields are counters of the mount's data keys.
func (b *backend) dataKeyFields() map[string]any {
	stats := b.dataKeys.Stats()
	return map[string]any{
		"hits": stats.Hits, "kms_calls": stats.Calls, "refusals": stats.Refusals, "cached": stats.Cached,
	}
}

// checkGateways checks all gateways at the same time. If the certificate of the dedicated one does not verify, its CA
// may be read again.
func (b *backend) checkGateways(ctx context.Context, req *logical.Request, conn *connection) []gatewayReport {
	gateways := conn.gateways()
	reports := make([]gatewayReport, len(gateways))
	var group sync.WaitGroup
	for i, g := range gateways {
		group.Go(func() { reports[i] = b.check(ctx, req, g) })
	}
	group.Wait()
	for i := range reports {
		if !isUntrusted(reports[i].err) {
			continue
		}
		fresh, err := b.renewCA(ctx, req, conn)
		if err != nil {
			reports[i].message = refusal.Sentences(reports[i].message, b.explain(req, err).Error())
		}
		if fresh != nil {
			reports[i] = b.check(ctx, req, fresh.gateways()[i])
		}
	}
	return reports
}

// A gatewayReport is the health of one gateway.
type gatewayReport struct {
	health
	gateway, endpoint string
	latency           time.Duration
	err               error
	message           string
}

func (b *backend) check(ctx context.Context, req *logical.Request, g gateway) gatewayReport {
	began := time.Now()
	requestID, err := g.probe(ctx)
	r := gatewayReport{
		health:  health{healthy: true, reachable: true, accepted: true, requestID: requestID},
		gateway: g.name, endpoint: g.endpoint(), latency: time.Since(began), err: err,
	}
	if err != nil {
		r.health, r.message = classify(err), b.explain(req, err).Error()
	}
	return r
}

func (r gatewayReport) fields() map[string]any {
	return map[string]any{
		"healthy":              r.healthy,
		"kms_reachable":        r.reachable,
		"credentials_accepted": r.accepted,
		"latency_ms":           r.latency.Milliseconds(),
		"endpoint":             r.endpoint,
		"error":                r.message,
		"error_code":           string(r.code),
		"request_id":           r.requestID,
	}
}

// A health is what a call shows about the connection to KMS.
type health struct {
	healthy, reachable, accepted bool
	code                         kmsapi.Code
	requestID                    string
}

// knownCaller holds the kinds of refusal that KMS gives only to callers whose access key it accepts, and whether the
// engine can work nevertheless.
var knownCaller = map[kmsapi.Kind]bool{
	kmsapi.KindPermission: true, // No key needs DescribeRegions.
	kmsapi.KindThrottle:   false,
}

// classify is for a call that failed. After any other refusal, it is unknown whether KMS looked at the access key.
func classify(err error) health {
	refused, ok := errors.AsType[*kmsapi.Error](err)
	if !ok {
		return health{}
	}
	healthy, accepted := knownCaller[refused.Kind()]
	return health{healthy: healthy, reachable: true, accepted: accepted, code: refused.Code, requestID: refused.RequestID}
}
