package dashboards

// process has the panels that every Go program has: the collectors of Prometheus's client library.
func process() []panel {
	return []panel{
		{
			title: "Processor", width: 8, unit: "percentunit",
			description: "Processor time: 100 % is one core.",
			queries: []query{{
				"rate(process_cpu_seconds_total{" + picked + "}[$__rate_interval])", "{{instance}}",
			}},
		},
		{
			title: "Memory", width: 8, unit: "bytes",
			description: "Memory that the process has from the system, and what of it Go's heap uses.",
			queries: []query{
				{"process_resident_memory_bytes{" + picked + "}", "{{instance}} resident"},
				{"go_memstats_heap_inuse_bytes{" + picked + "}", "{{instance}} heap"},
			},
		},
		{
			title: "Open files", width: 8, unit: "percentunit",
			description: "Open file descriptors, as a share of the limit. Each connection is one.",
			queries: []query{{
				"process_open_fds{" + picked + "} / process_max_fds{" + picked + "}", "{{instance}}",
			}},
			steps: []step{{0, "transparent"}, {0.8, red}},
		},
		{
			title: "Goroutines and threads", width: 8, unit: "short",
			description: "Goroutines grow with connections; a number that only ever grows is a leak.",
			queries: []query{
				{"go_goroutines{" + picked + "}", "{{instance}} goroutines"},
				{"go_threads{" + picked + "}", "{{instance}} threads"},
			},
		},
		{
			title: "Garbage collection", width: 8, unit: "s",
			description: "The longest pause of a garbage collection lately.",
			queries:     []query{{`go_gc_duration_seconds{` + picked + `, quantile="1"}`, "{{instance}}"}},
		},
		{
			title: "Network", width: 8, unit: "Bps",
			description: "Bytes of the machine's network that the process sees: in a container, of the container.",
			queries: []query{
				{"rate(process_network_receive_bytes_total{" + picked + "}[$__rate_interval])", "{{instance}} in"},
				{"rate(process_network_transmit_bytes_total{" + picked + "}[$__rate_interval])", "{{instance}} out"},
			},
		},
	}
}
