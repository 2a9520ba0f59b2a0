// Package dashboards is the source of the dashboards of Grafana that are files in dashboards/.
package dashboards
