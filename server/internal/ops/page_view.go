package ops

import (
	"html/template"
	"slices"
)

// view is what the page's template shows.
type view struct {
	Style template.CSS
	// Refreshes says that the page reloads itself after RefreshSeconds.
	Refreshes      bool
	RefreshSeconds int

	// State is "ok" or "degraded", Problems are the reasons for the latter, and Warnings are about what will become a
	// problem.
	State              string
	Problems, Warnings []string
	// Served says what happens to requests.
	Served string
	// Cluster is nil for a service without a cluster. A Standby shows no keys, since it answers no requests.
	Cluster *clusterView
	Standby bool

	Now     moment
	Started moment
	Uptime  string
	Version string
	Layout  int

	Summary      []figure
	Keys         keyTable
	Losses       eventTable
	Rotations    eventTable
	Classes      []classRow
	Usage        usageTable
	Codes        countTable
	Nonces       countTable
	Closed       countTable
	Health       []fact
	Certificates certificateTable
}

// Notes returns what the first line does not show: the problems after the first one, and the warnings.
func (v view) Notes() []string {
	return slices.Concat(v.Problems[min(1, len(v.Problems)):], v.Warnings)
}

// figure is a number of the summary.
type figure struct{ Name, Value, Note string }

// fact is a line about the service.
type fact struct {
	Name, Value string
	// Bad says that the fact is a problem, and Soon that it will become one.
	Bad, Soon bool
}

// refreshSeconds is how often the page reloads itself.
const refreshSeconds = 30

// newView makes the view of a status. err is why some of it could not be read, or nil.
func newView(s Status, r reading, err error, refreshes bool) view {
	v := view{
		Style: template.CSS(pageCSS), Refreshes: refreshes, RefreshSeconds: refreshSeconds, State: "ok",
		Now: momentOf(s.At, s.At, ""), Started: momentOf(s.Started, s.At, ""), Uptime: span(s.At.Sub(s.Started)),
		Version: s.Version, Layout: s.Layout,
		Keys: keysOf(r.records), Losses: lossesOf(r.records, s.At), Rotations: rotationsOf(r.records, s.At),
		Classes: classesOf(r), Usage: usageOf(r.usage),
		Codes: countsOf(r.counts.byCode), Nonces: countsOf(r.counts.nonces), Closed: countsOf(r.counts.closed),
		Certificates: certificatesOf(s.Certificates, s.At),
	}
	v.Problems, v.Warnings = problemsOf(s, r, err), warningsOf(s, r)
	if len(v.Problems) > 0 {
		v.State = "degraded"
	}
	v.Served, v.Cluster, v.Standby = "served", clusterOf(r.node), r.isStandby()
	v.Summary, v.Health = summaryOf(s, r, v.Keys), healthOf(s, r)
	if v.Standby {
		v.Served, v.Summary = "forwarded to the active node", standbySummary(*r.node, r)
	}
	return v
}

// problemsOf returns why the service is degraded.
func problemsOf(s Status, r reading, err error) (all []string) {
	if s.StoreErr != nil {
		all = append(all, "The store takes no writes: "+s.StoreErr.Error()+". Restart the service, and check the disk.")
	}
	if s.AuditErr != nil {
		all = append(all, "Audit lines can't be written, so requests are refused: "+s.AuditErr.Error()+".")
	}
	if r.node != nil && r.node.Err != nil && len(all) == 0 {
		all = append(all, "Cluster: "+shownError(r.node.Err)+".")
	}
	if err != nil {
		all = append(all, "Some of what this page shows could not be read; the log says why.")
	}
	if !s.StaleSince.IsZero() {
		all = append(all, "The configuration is stale: reloads have failed since "+
			momentOf(s.StaleSince, s.At, "").UTC+"; the log says why.")
	}
	return append(all, s.expiredNotes()...)
}

// warningsOf returns what will become a problem, or was one.
func warningsOf(s Status, r reading) (all []string) {
	all = s.expiryNotes()
	if r.node != nil {
		if alarm := shown(r.node.StoreAlarm); alarm != "" {
			all = append(all, "Etcd has an alarm, "+alarm+"; with NOSPACE it takes no writes.")
		}
		for _, w := range r.node.warnings() {
			all = append(all, "Cluster: "+visible(w, maxError)+".")
		}
	}
	if r.counts.panics > 0 {
		failed := plural(r.counts.panics, "request has", "requests have")
		all = append(all, failed+" failed because of a bug; the log has more.")
	}
	return all
}

// summaryOf returns the most important figures.
func summaryOf(s Status, r reading, keys keyTable) []figure {
	lost := figure{Name: "Next loss of a key", Value: "none", Note: "no deletion or expiry is planned"}
	if losses := r.records.Losses; len(losses) > 0 {
		at := momentOf(losses[0].At, s.At, overdue)
		lost = figure{lost.Name, at.Away, at.UTC}
		if !losses[0].At.After(s.At) {
			lost.Value, lost.Note = "overdue", "since "+at.UTC
		}
	}
	return []figure{
		{"Keys", count(keys.Total.Keys), "in " + plural(float64(keys.Scopes), "account and region", "accounts and regions")},
		{"Secrets", count(keys.Total.Secrets), "with those to be deleted"},
		{
			"Requests", count(r.counts.requests),
			percent(r.counts.refused, r.counts.requests) + " refused, since the start",
		},
		lost,
	}
}

// healthOf returns the facts about what the service depends on.
func healthOf(s Status, r reading) []fact {
	store := fact{Name: "Store", Value: "takes writes"}
	if r.node != nil {
		store.Value = "in etcd"
	}
	if s.StoreErr != nil {
		store = fact{Name: store.Name, Value: "read-only", Bad: true}
	}
	if r.figures.StoreBytes > 0 {
		store.Value += ", " + bytesOf(r.figures.StoreBytes)
	}
	audit := fact{Name: "Audit log", Value: "is being written"}
	switch {
	case s.AuditErr != nil:
		audit = fact{Name: audit.Name, Value: "can't be written", Bad: true}
	case !s.Audited:
		audit.Value = "there is none"
	}
	config := fact{Name: "Configuration", Value: "current, as of the last start or reload"}
	if !s.StaleSince.IsZero() {
		config = fact{Name: config.Name, Value: "is stale", Bad: true}
	}
	all := []fact{store, audit, config, {Name: "Not HTTP", Value: plural(r.counts.notHTTP, "connection", "connections")}}
	if r.isStandby() {
		return all
	}
	return append(
		all,
		fact{Name: "Nonces in memory", Value: count(float64(r.figures.Nonces))},
		fact{Name: "Automatic rotations", Value: count(r.counts.rotations) + " since the start"},
	)
}
