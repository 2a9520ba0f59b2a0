package dashboards

import "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"

// service is the dashboard of the KMS service.
func service() board {
	return board{
		title:       "KMS service",
		description: "alicloudkms server: its health, requests, refusals, keys and process, by its /metrics.",
		variables:   targets("alicloudkms_nonces"),
		rows: []row{
			{"Health", health()},
			{"Requests", requests()},
			{"Latency", latency()},
			{"Refusals", refusals()},
			{"Keys and secrets", keys()},
			{"Connections and configuration", connections()},
			{"Cluster", cluster()},
			{"Process", process()},
		},
	}
}

// metric selects a metric of the service, with more matchers.
func metric(name, matchers string) string {
	return "alicloudkms_" + name + "{" + picked + matchers + "}"
}

// perSecond is the rate of a counter of the service.
func perSecond(name, matchers string) string {
	return "rate(" + metric(name, matchers) + "[$__rate_interval])"
}

// orZero is an expression that is 0 instead of empty.
func orZero(expression string) string { return expression + " or vector(0)" }

func health() []panel {
	fails := map[string]state{"0": {"OK", green}, "1": {"failed", red}}
	return []panel{
		{
			kind: number, title: "Service", width: 3, unit: "none",
			description: "Whether the last scrape has reached the service.",
			queries:     []query{{"up{" + picked + "}", "{{instance}}"}},
			states:      map[string]state{"1": {"up", green}, "0": {"down", red}},
		},
		{
			kind: number, title: "Store", width: 3, unit: "none", states: fails,
			description: "Failed after a commit that failed: the store takes no writes until a restart.",
			queries:     []query{{metric("store_failed", ""), "{{instance}}"}},
		},
		{
			kind: number, title: "Audit log", width: 3, unit: "none", states: fails,
			description: "Failed while audit lines can't be written: all requests are refused.",
			queries:     []query{{metric("audit_failed", ""), "{{instance}}"}},
		},
		{
			kind: number, title: "Configuration", width: 3, unit: "none",
			description: "Stale after a reload that failed, until one succeeds: the service runs with an older configuration than its file has.",
			queries:     []query{{metric("config_stale", ""), "{{instance}}"}},
			states:      map[string]state{"0": {"current", green}, "1": {"stale", orange}},
		},
		{
			kind: number, title: "Certificate expires in", width: 3, unit: "s",
			description: "Time left of the TLS certificate that expires first. Less than 14 days is orange, less than 3 days red.",
			queries:     []query{{metric("certificate_expiry_timestamp_seconds", "") + " - time()", "{{instance}}"}},
			steps:       []step{{0, red}, {3 * day, orange}, {14 * day, green}},
		},
		{
			kind: number, title: "Running for", width: 3, unit: "s",
			description: "Time since the start of the process.",
			queries:     []query{{"time() - " + metric("start_time_seconds", ""), "{{instance}}"}},
			steps:       []step{{0, blue}},
		},
		{
			kind: number, title: "Keys", width: 3, unit: "short",
			description: "Keys of all accounts and regions, in every state.",
			queries:     []query{{orZero("sum(" + metric("keys", "") + ")"), ""}},
			steps:       []step{{0, blue}},
		},
		{
			kind: number, title: "Bugs", width: 3, unit: "short",
			description: "Requests that failed by a bug since the start. The log has a stack trace of each: please report it.",
			queries:     []query{{"sum(" + metric("panics_total", "") + ")", ""}},
			steps:       []step{{0, green}, {1, red}},
		},
		{
			kind: number, title: "Version", width: 6, unit: "none", names: true,
			description: "Version of the program, and layout of its store.",
			queries:     []query{{metric("info", ""), "{{version}}, layout {{layout}}"}},
			steps:       []step{{0, blue}},
		},
		{
			kind: number, title: "Next loss of a key", width: 6, unit: "s", none: "none planned",
			description: "Time until the next key is deleted, or its imported material expires. /, the page of the operations listener, names it.",
			queries:     []query{{nextDue("key_loss"), ""}},
			steps:       []step{{0, red}, {3 * day, orange}, {7 * day, green}},
		},
		{
			kind: number, title: "Next deletion of a secret", width: 6, unit: "s", none: "none planned",
			description: "Time until the next secret is deleted. RestoreSecret keeps it.",
			queries:     []query{{nextDue("secret_deletion"), ""}},
			steps:       []step{{0, red}, {3 * day, orange}, {7 * day, green}},
		},
		{
			kind: number, title: "Next rotation", width: 6, unit: "s", none: "none planned",
			description: "Time until the next key is rotated automatically. It stays at 0 while a key is due and can't be rotated.",
			queries:     []query{{"clamp_min(" + nextDue("rotation") + ", 0)", ""}},
			steps:       []step{{0, blue}},
		},
	}
}

const day = 24 * 3600

// nextDue is the time until the first event of a kind, of all services.
func nextDue(event string) string {
	return "min(" + metric("next_due_timestamp_seconds", `, event="`+event+`"`) + ") - time()"
}

func requests() []panel {
	share := func(codes string) string {
		return "sum(" + perSecond("requests_total", codes) + ") / sum(" + perSecond("requests_total", "") + ")"
	}
	return []panel{
		{
			kind: stacked, title: "Requests by operation", width: 12, unit: "reqps",
			description: "Answered requests, those that were refused included. Operations that the service does not have are unknown.",
			queries:     []query{{"sum by (action) (" + perSecond("requests_total", "") + ") > 0", "{{action}}"}},
		},
		{
			title: "Refused requests by code", width: 12, unit: "reqps",
			description: "Requests by the error code of their answer. docs/troubleshooting.md says what each means.",
			queries:     []query{{"sum by (code) (" + perSecond("requests_total", `, code!="OK"`) + ") > 0", "{{code}}"}},
		},
		{
			title: "Share of refused requests", width: 12, unit: "percentunit",
			description: "Failures are the service's own; throttled requests were above a limit; all others are for their callers to fix.",
			queries: []query{
				{orZero(share(`, code=~"` + Codes(Internal) + `"`)), "failed"},
				{orZero(share(`, code=~"` + Codes(Throttled) + `"`)), "throttled"},
				{orZero(share(`, code!~"OK|` + Codes(notForTheCaller) + `"`)), "refused"},
			},
			steps: []step{{0, "transparent"}, {0.05, red}},
		},
		{
			kind: stacked, title: "Requests by gateway", width: 12, unit: "reqps",
			description: "Answered requests of the shared gateway and of each dedicated gateway.",
			queries:     []query{{"sum by (gateway) (" + perSecond("gateway_requests_total", "") + ")", "{{gateway}}"}},
		},
	}
}

// notForTheCaller reports whether the cause of a refusal is not in its request.
func notForTheCaller(k kmsapi.Kind) bool { return Internal(k) || Throttled(k) }

func latency() []panel {
	buckets := func(by, matchers string) string {
		return "sum by (" + by + ") (" + perSecond("request_duration_seconds_bucket", matchers) + ")"
	}
	quantile := func(q, by, matchers string) string {
		return "histogram_quantile(" + q + ", " + buckets(by, matchers) + ")"
	}
	return []panel{
		{
			title: "Latency", width: 8, unit: "s",
			description: "Quantiles of the time from the arrival of a request to its audit line, over all operations.",
			queries: []query{
				{quantile("0.5", "le", ""), "median"},
				{quantile("0.9", "le", ""), "90 %"},
				{quantile("0.99", "le", ""), "99 %"},
				{
					"sum(" + perSecond("request_duration_seconds_sum", "") + ") / sum(" +
						perSecond("request_duration_seconds_count", "") + ")", "mean",
				},
			},
		},
		{
			title: "Latency by operation, 99 %", width: 8, unit: "s",
			description: "The time that 99 of 100 requests of an operation stay below. Operations that generate RSA keys take longest.",
			queries:     []query{{quantile("0.99", "le, action", "") + " > 0", "{{action}}"}},
		},
		{
			kind: heat, title: "Latency, distribution", width: 8, unit: "s",
			description: "How many requests a second took how long.",
			queries:     []query{{buckets("le", ""), "{{le}}"}},
		},
	}
}

func refusals() []panel {
	return []panel{
		{
			title: "Wrong credentials", width: 8, unit: "reqps",
			description: "Requests with an unknown or inactive access key, a wrong signature or a wrong token. A burst is a program with an old secret, or somebody who guesses.",
			queries: []query{{
				orZero("sum by (code) (" + perSecond("requests_total", `, code=~"`+Codes(Unauthenticated)+`"`) + ")"), "{{code}}",
			}},
		},
		{
			title: "Refused nonces", width: 8, unit: "reqps",
			description: "Requests whose nonce was used, whose timestamp is too old to tell, or of which too many were ahead of the clock. Used ones are replays, or a client that sends a request twice.",
			queries:     []query{{"sum by (reason) (" + perSecond("nonce_refusals_total", "") + ")", "{{reason}}"}},
		},
		{
			title: "Nonces in memory", width: 8, unit: "short",
			description: "Nonces that the service remembers, until their timestamps are too old to be accepted.",
			queries:     []query{{metric("nonces", ""), "{{instance}}"}},
		},
	}
}

func keys() []panel {
	return []panel{
		{
			kind: stacked, title: "Keys by state", width: 8, unit: "short",
			description: "Keys of all accounts and regions. A key that is pending deletion is gone for good on its date.",
			queries:     []query{{"sum by (state) (" + metric("keys", "") + ")", "{{state}}"}},
		},
		{
			title: "Keys by account and region", width: 8, unit: "short",
			description: "Keys in every state, as the quota counts them.",
			queries:     []query{{"sum by (account, region) (" + metric("keys", "") + ")", "{{account}} {{region}}"}},
		},
		{
			title: "Secrets by account and region", width: 8, unit: "short",
			description: "Secrets, with those that are to be deleted.",
			queries:     []query{{"sum by (account, region) (" + metric("secrets", "") + ")", "{{account}} {{region}}"}},
		},
		{
			title: "Pending deletion", width: 8, unit: "short",
			description: "Keys whose deletion is scheduled. CancelKeyDeletion keeps one, until its date.",
			queries: []query{{
				orZero("sum by (account, region) (" + metric("keys", `, state="PendingDeletion"`) + ")"), "{{account}} {{region}}",
			}},
			steps: []step{{0, "transparent"}, {1, orange}},
		},
		{
			title: "Automatic rotations", width: 8, unit: "short",
			description: "Keys that got new material by their rotation policy.",
			queries:     []query{{"sum(increase(" + metric("rotations_total", "") + "[$__rate_interval]))", "rotations"}},
		},
		{
			title: "Size of the store", width: 8, unit: "bytes",
			description: "Size of the store's file. It grows with keys, versions and secrets, and does not shrink; space that was freed is used again.",
			queries:     []query{{metric("store_size_bytes", ""), "{{instance}}"}},
		},
	}
}

func connections() []panel {
	return []panel{
		{
			title: "Connections closed by a bound", width: 6, unit: "short",
			description: "Connections that were closed because a bound on strangers was reached. docs/kms-operations.md has the bounds.",
			queries: []query{{
				"sum by (bound) (increase(" + metric("connections_closed_total", "") + "[$__rate_interval]))", "{{bound}}",
			}},
		},
		{
			title: "Not HTTP", width: 6, unit: "short",
			description: "Connections from which no request could be read: port scanners, or clients without TLS.",
			queries: []query{{
				"sum by (instance) (increase(" + metric("not_http_total", "") + "[$__rate_interval]))", "{{instance}}",
			}},
		},
		{
			title: "Reloads of the configuration", width: 6, unit: "short",
			description: "Reloads by their result. After one that failed, the service keeps the configuration it had.",
			queries: []query{{
				"sum by (result) (increase(" + metric("reloads_total", "") + "[$__rate_interval]))", "{{result}}",
			}},
		},
		{
			title: "Certificates", width: 6, unit: "s",
			description: "Time left of the TLS certificate of each gateway.",
			queries: []query{{
				"min by (gateway) (" + metric("gateway_certificate_expiry_timestamp_seconds", "") + ") - time()", "{{gateway}}",
			}},
			steps: []step{{0, "transparent"}, {14 * day, orange}},
		},
	}
}
