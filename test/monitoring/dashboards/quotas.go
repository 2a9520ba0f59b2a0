package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// quotas is the dashboard of limits: those of the KMS service, and those of Alibaba Cloud seen from the engine.
func quotas() board {
	return board{
		title:       "KMS limits and quotas",
		description: "Requests against rate limits, keys and secrets against quotas: of the KMS service by its own metrics, and of Alibaba Cloud by those of Vault.",
		variables:   append(targets("alicloudkms_nonces"), vaultJob(), mount()),
		rows: []row{
			{"Rate limits of the service", rates()},
			{"Quotas of the service", stored()},
			{"Alibaba Cloud, from the engine", cloud()},
		},
	}
}

// vaultJob lets the reader pick the Vaults whose engine uses Alibaba Cloud.
func vaultJob() cog.Builder[dashboard.VariableModel] {
	return choice("vault", "Vault", "label_values(vault_core_unsealed, instance)")
}

// byClass sums the rate of requests by rate class, which the service names for each operation.
const byClass = `sum by (class) (rate(alicloudkms_requests_total{` + picked + `}[$__rate_interval])` +
	` * on (job, instance, action) group_left (class) alicloudkms_operation_info{` + picked + `})`

func rates() []panel {
	throttled := "sum by (class) (" + perSecond("rate_limited_total", "") + ")"
	return []panel{
		{
			title: "Share of the limit, by class", width: 12, unit: "percentunit",
			description: "Requests of a class as a share of its limit. Limits are per account and region, and requests are counted together: with several accounts or regions, or with dedicated gateways, which have a limit of their own, it is less than this shows.",
			queries:     []query{{byClass + " / on (class) min by (class) (" + metric("rate_limit", "") + ")", "{{class}}"}},
			steps:       []step{{0, "transparent"}, {0.8, orange}, {1, red}},
		},
		{
			title: "Requests by class", width: 12, unit: "reqps",
			description: "Requests of all accounts and regions, by the class whose limit they count in.",
			queries:     []query{{byClass, "{{class}}"}},
		},
		{
			title: "Throttled requests by class", width: 8, unit: "reqps",
			description: "Requests that were answered with Rejected.Throttling, because their account was above the limit of a class.",
			queries:     []query{{throttled, "{{class}}"}},
			steps:       []step{{0, "transparent"}, {1, red}},
		},
		{
			title: "Throttled requests by operation", width: 8, unit: "reqps",
			description: "Requests that were answered with Rejected.Throttling. Those that waited for a wrapping key in vain are among them, although they are above no rate.",
			queries: []query{{
				orZero("sum by (action) (" + perSecond("requests_total", `, code=~"`+Codes(Throttled)+`"`) + ")"), "{{action}}",
			}},
		},
		{
			title: "Share of a dedicated gateway's limit", width: 8, unit: "percentunit",
			description: "Requests of a dedicated gateway as a share of its limit, which holds for each class and which all its callers share. Without KMS instances there is none.",
			queries: []query{{
				"sum by (gateway) (" + perSecond("gateway_requests_total", "") + ") / on (gateway) min by (gateway) (" +
					metric("gateway_rate_limit", "") + ")", "{{gateway}}",
			}},
			steps: []step{{0, "transparent"}, {0.8, orange}, {1, red}},
		},
		{
			kind: number, title: "Limits", width: 24, unit: "reqps",
			description: "Requests a second that an account may send in a region, by class, as the service is configured. A class without a limit is missing.",
			queries:     []query{{"min by (class) (" + metric("rate_limit", "") + ")", "{{class}}"}},
			steps:       []step{{0, blue}},
		},
	}
}

func stored() []panel {
	share := func(of string) string {
		return "max by (account, region) (sum by (job, instance, account, region) (" + metric(of, "") +
			") / on (job, instance) group_left " + metric("quota", `, metric="alicloudkms_`+of+`"`) + ")"
	}
	steps := []step{{0, "transparent"}, {0.9, orange}, {1, red}}
	return []panel{
		{
			title: "Share of the quota of keys", width: 8, unit: "percentunit", steps: steps,
			description: "Keys in every state, by account and region: one that is to be deleted counts until its date.",
			queries:     []query{{share("keys"), "{{account}} {{region}}"}},
		},
		{
			title: "Share of the quota of secrets", width: 8, unit: "percentunit", steps: steps,
			description: "Secrets by account and region, with those that are to be deleted.",
			queries:     []query{{share("secrets"), "{{account}} {{region}}"}},
		},
		{
			title: "Refused above a quota", width: 8, unit: "reqps",
			description: "Requests that were answered with Rejected.LimitExceeded, by operation.",
			queries: []query{{
				orZero("sum by (action) (" + perSecond("requests_total", `, code=~"`+Codes(AboveQuota)+`"`) + ")"), "{{action}}",
			}},
		},
	}
}

func cloud() []panel {
	ofVault := func(name, matchers string) string {
		return "rate(" + name + `{instance=~"$vault"` + matchers + "}[$__rate_interval])"
	}
	return []panel{
		{
			title: "Cryptographic requests of the mount", width: 8, unit: "reqps",
			description: "Encrypt, decrypt, sign and the like: in direct mode each costs one call of KMS. Alibaba Cloud allows 1,000 symmetric ones a second, for all users of an account and region together.",
			queries:     []query{{"sum(" + ofVault("vault_route_update_${mount}__count", "") + ")", "update"}},
			steps:       []step{{0, "transparent"}, {800, orange}, {1000, red}},
		},
		{
			title: "Requests that Vault answered with 429", width: 8, unit: "reqps",
			description: "The engine answers 429 where KMS throttles, after its retries. Vault's own rate limit quotas answer 429 too.",
			queries: []query{{
				orZero("sum by (instance) (" + ofVault("vault_core_response_status_code", `, code="429"`) + ")"), "{{instance}}",
			}},
			steps: []step{{0, "transparent"}, {1, red}},
		},
		{
			kind: words, title: "Limits", width: 8, content: limits,
			description: "The limits of Alibaba Cloud's shared gateway.",
		},
	}
}

// limits are the limits of Alibaba Cloud's shared gateway, which are the service's defaults too. A test compares them.
const limits = `Requests a second per account and region, of Alibaba Cloud's shared gateway and of the service by default:

| class | limit |
|---|---|
| crypto | 1000 |
| re_encrypt | 750 |
| asymmetric | 200 |
| create_key | 10 |
| write | 30 |
| read | 50 |
| list_tags | 300 |
| instances | 1 |
| secret_values | 450 |
| secret_write | 10 |
| secret_read | 40 |
`
