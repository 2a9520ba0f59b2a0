package dashboards

// cluster has the panels of a service on several machines. They are empty for one on a machine of its own.
func cluster() []panel {
	return append(nodes(), clusterOverTime()...)
}

// nodes has the states of each node.
func nodes() []panel {
	of := func(title, name, description string, off, on state) panel {
		return panel{
			kind: number, title: title, width: 4, unit: "none", none: "no cluster", description: description,
			queries: []query{{metric(name, ""), "{{instance}}"}},
			states:  map[string]state{"0": off, "1": on},
		}
	}
	return []panel{
		of("Role", "cluster_active", "The active node serves, and standbys forward requests to it.",
			state{"standby", blue}, state{"active", green}),
		of("May become active", "cluster_candidate", "Whether the node may take over. Its /healthz says why not.",
			state{"no", red}, state{"yes", green}),
		of("etcd", "cluster_store_connected", "Away if etcd has not answered the node within a lease.",
			state{"away", red}, state{"answers", green}),
		of("Copy of the store", "cluster_store_current", "Behind while the node's copy of the store lacks its last commit.",
			state{"behind", orange}, state{"current", green}),
		of("Alarm of etcd", "cluster_store_alarm", "etcd's own alarm, such as that it is full: then nothing can be written.",
			state{"none", green}, state{"alarm", red}),
		of("Clock", "cluster_clock_off", "Off if it differs too much from the active node's, or the active node's from most others'.",
			state{"right", green}, state{"off", red}),
	}
}

func clusterOverTime() []panel {
	return []panel{
		{
			title: "Lease of the active node", width: 8, unit: "s",
			description: "What is left of it; 0 on standbys. An etcd that gets slow brings it down, and another node takes over at 0.",
			queries:     []query{{metric("cluster_lease_seconds", ""), "{{instance}}"}},
		},
		{
			title: "Size of etcd's data", width: 8, unit: "bytes",
			description: "As each node sees it. At etcd's quota, by default 2 GiB, nothing can be written.",
			queries:     []query{{metric("cluster_store_bytes", ""), "{{instance}}"}},
		},
		{
			title: "Difference of clocks", width: 8, unit: "s",
			description: "Between a node's clock and the peer's from which it differs most. More than half of max_clock_skew is too much.",
			queries:     []query{{"abs(" + metric("cluster_clock_offset_seconds", "") + ")", "{{instance}}"}},
		},
		{
			title: "Takeovers", width: 8, unit: "short",
			description: "Times that a node became the active one. One that nobody caused means a slow etcd or network.",
			queries: []query{{
				"sum by (instance) (increase(" + metric("cluster_terms_total", "") + "[$__rate_interval]))", "{{instance}}",
			}},
		},
		{
			title: "Forwarded requests", width: 8, unit: "reqps",
			description: "Requests that standbys received, by what came of them. Those that are unknown may have run.",
			queries:     []query{{"sum by (result) (" + perSecond("cluster_forwarded_total", "") + ")", "{{result}}"}},
		},
		{
			title: "Certificates of the nodes", width: 8, unit: "s",
			description: "Time left of what each node shows to the other nodes, and to etcd. The certificates for clients are above.",
			queries: []query{{
				metric("cluster_certificate_expiry_timestamp_seconds", "") + " - time()", "{{instance}} {{certificate}}",
			}},
			steps: []step{{0, "transparent"}, {14 * day, orange}},
		},
	}
}
