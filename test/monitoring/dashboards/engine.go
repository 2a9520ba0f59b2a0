package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// engine is the dashboard of the secrets engine. The plugin has no metrics of its own: Vault measures each mount, and
// puts its path into the name of the metric.
func engine() board {
	return board{
		title:       "KMS secrets engine",
		description: "A mount of the engine, by the telemetry of its Vault or OpenBao: /v1/sys/metrics?format=prometheus.",
		variables:   append(targets("vault_core_unsealed"), mount()),
		rows: []row{
			{"Vault", vaultState()},
			{"The mount", mountPanels()},
			{"Responses of Vault", responses()},
			{"Vault's own work", vaultWork()},
			{"Vault's process", process()},
		},
	}
}

// mount lets the reader pick a mount. Vault writes it with _ for everything that a metric's name can't have.
func mount() cog.Builder[dashboard.VariableModel] {
	selected, name := true, "alicloudkms"
	return choice("mount", "Mount", "metrics(^vault_route_(create|read|update|list|delete)_.+__count$)").
		Regex("/^vault_route_(?:create|read|update|list|delete)_(.+)__count$/").Multi(false).IncludeAll(false).
		Current(dashboard.VariableOption{
			Selected: &selected,
			Text:     dashboard.StringOrArrayOfString{String: &name}, Value: dashboard.StringOrArrayOfString{String: &name},
		})
}

// operations are those that Vault measures separately, with what the engine does in each.
var operations = []struct{ name, legend string }{
	{"update", "update: encrypt, decrypt, sign …"},
	{"read", "read"},
	{"list", "list"},
	{"delete", "delete"},
}

// route selects what Vault measures of an operation on the mount. part is _count, _sum or empty.
func route(operation, part, matchers string) string {
	return "vault_route_" + operation + "_${mount}_" + part + "{" + picked + matchers + "}"
}

// eachOperation makes a query for each operation.
func eachOperation(expression func(operation string) string) (all []query) {
	for _, o := range operations {
		all = append(all, query{expression(o.name), o.legend})
	}
	return all
}

// everyInterval is the rate of a counter of Vault.
func everyInterval(name, matchers string) string {
	return "rate(" + name + "{" + picked + matchers + "}[$__rate_interval])"
}

func vaultState() []panel {
	return []panel{
		{
			kind: number, title: "Vault", width: 6, unit: "none",
			description: "Whether Vault is unsealed. Only the active node answers; a sealed Vault or a standby has no metrics.",
			queries:     []query{{"max by (instance) (vault_core_unsealed{" + picked + "})", "{{instance}}"}},
			states:      map[string]state{"1": {"unsealed", green}, "0": {"sealed", red}},
		},
		{
			kind: number, title: "Requests in flight", width: 6, unit: "short",
			description: "Requests that Vault is working on, of all mounts.",
			queries:     []query{{"sum(vault_core_in_flight_requests{" + picked + "})", ""}},
			steps:       []step{{0, blue}},
		},
		{
			kind: number, title: "Leases", width: 6, unit: "short",
			description: "Leases and tokens that will expire. The engine makes none.",
			queries:     []query{{"sum(vault_expire_num_leases{" + picked + "})", ""}},
			steps:       []step{{0, blue}},
		},
		{
			kind: number, title: "Running for", width: 6, unit: "s",
			description: "Time since the start of Vault's process.",
			queries:     []query{{"time() - process_start_time_seconds{" + picked + "}", "{{instance}}"}},
			steps:       []step{{0, blue}},
		},
	}
}

func mountPanels() []panel {
	return []panel{
		{
			title: "Requests by operation", width: 12, unit: "reqps",
			description: "Requests to the mount, in Vault's words. A warm encrypt or decrypt costs one call of KMS, and none in envelope mode.",
			queries: eachOperation(func(o string) string {
				return "sum(rate(" + route(o, "_count", "") + "[$__rate_interval]))"
			}),
		},
		{
			title: "Mean latency", width: 12, unit: "ms",
			description: "Mean time that the engine took, KMS included, without Vault's own work.",
			queries: eachOperation(func(o string) string {
				return "sum(rate(" + route(o, "_sum", "") + "[$__rate_interval])) / " +
					"sum(rate(" + route(o, "_count", "") + "[$__rate_interval]))"
			}),
		},
		{
			title: "Latency, 99 %", width: 12, unit: "ms",
			description: "The time that 99 of 100 requests of the last seconds stayed below. There is a gap where there was no request.",
			queries: eachOperation(func(o string) string {
				return "max(" + route(o, "", `, quantile="0.99"`) + ")"
			}),
			steps: []step{{0, "transparent"}, {1000, red}},
		},
		{
			title: "Latency of updates", width: 12, unit: "ms",
			description: "Quantiles of the time of encrypt, decrypt, sign and the like in the last seconds.",
			queries: []query{{
				"max by (quantile) (" + route("update", "", "") + ")", "{{quantile}}",
			}},
		},
	}
}

func responses() []panel {
	codes := func(matchers string) string {
		return "sum by (code) (" + everyInterval("vault_core_response_status_code", matchers) + ")"
	}
	return []panel{
		{
			kind: stacked, title: "Responses by status", width: 12, unit: "reqps",
			description: "Responses of Vault, of all its mounts: it does not count them by mount.",
			queries:     []query{{codes("") + " > 0", "{{code}}"}},
		},
		{
			title: "Refusals and failures", width: 12, unit: "reqps",
			description: "Of all mounts. The engine answers 502 where KMS can't be reached or fails, 429 where KMS throttles, 403 where KMS denies, 404 for keys that do not exist.",
			queries:     []query{{codes(`, type=~"[45]xx"`) + " > 0", "{{code}}"}},
		},
	}
}

func vaultWork() []panel {
	mean := func(name string) string {
		return "sum(" + everyInterval(name+"_sum", "") + ") / sum(" + everyInterval(name+"_count", "") + ")"
	}
	return []panel{
		{
			title: "Vault's share of the time", width: 8, unit: "ms",
			description: "Mean time of a whole request, and of the check of its token and policies, over all mounts.",
			queries: []query{
				{mean("vault_core_handle_request"), "request"},
				{mean("vault_core_check_token"), "token and policies"},
			},
		},
		{
			title: "Storage calls", width: 8, unit: "ops",
			description: "Reads and writes of Vault's storage, of all mounts. A warm encrypt or decrypt of the engine makes none.",
			queries: []query{
				{"sum(" + everyInterval("vault_barrier_get_count", "") + ")", "get"},
				{"sum(" + everyInterval("vault_barrier_put_count", "") + ")", "put"},
				{"sum(" + everyInterval("vault_barrier_list_count", "") + ")", "list"},
			},
		},
		{
			title: "Audit log", width: 8, unit: "ms",
			description: "Mean time of an audit line. Vault refuses requests while no audit device takes lines.",
			queries: []query{
				{mean("vault_audit_log_request"), "request"},
				{mean("vault_audit_log_response"), "response"},
			},
		},
	}
}
