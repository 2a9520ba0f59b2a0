// Package dashboards is the source of Grafana's dashboards in docs/monitoring.
package dashboards
