// Package monitoring proves the files of dashboards/: the dashboards fit Grafana's published schema, promtool accepts
// the rules, and a real Prometheus that scrapes the KMS service, a cluster of its nodes and a Vault with the engine has
// series for every expression.
//
// The dashboards are written in Go, in the package below, and the files are what it makes:
//
//	go test -C test/monitoring -run TestTheDashboardFilesAreWhatTheCodeMakes . -update
package monitoring
