package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// Dashboard is a dashboard in the form that every Grafana reads. The SDK prefers the second form, which needs the
// newest Grafana.
//
//lint:ignore SA1019 Older ones would not read that.
type Dashboard = dashboard.Dashboard

// tag is on every dashboard, so that each can link to the others.
const tag = "alicloudkms"

// board is a dashboard.
type board struct {
	title, description string
	variables          []cog.Builder[dashboard.VariableModel]
	rows               []row
}

// row is a heading and the panels below it, in order. Panels next to each other fill the width of the grid.
type row struct {
	title  string
	panels []panel
}

// All returns the dashboards, by the names of their files.
func All() (map[string]Dashboard, error) {
	made := map[string]Dashboard{}
	for file, b := range map[string]board{
		"kms-service.json": service(), "engine.json": engine(), "quotas.json": quotas(),
	} {
		built, err := b.build()
		if err != nil {
			return nil, err
		}
		made[file] = built
	}
	return made, nil
}

// build returns the dashboard as Grafana imports it. It has no id and no uid, which Grafana gives it.
func (b board) build() (Dashboard, error) {
	//lint:ignore SA1019 Older ones would not read the second form.
	d := dashboard.NewDashboardBuilder(b.title).Description(b.description).Tags([]string{tag}).
		Time("now-6h", "now").Refresh("30s").Timezone("browser").Tooltip(dashboard.DashboardCursorSyncCrosshair).
		Variables(b.variables).Link(toTheOthers())
	id := uint32(1)
	for _, r := range b.rows {
		d.WithRow(dashboard.NewRowBuilder(r.title).Id(id))
		id++
		for _, p := range r.panels {
			d.WithPanel(p.builder(id))
			id++
		}
	}
	built, err := d.Build()
	for i := range built.Links {
		built.Links[i].Placement = nil // The builder would move it into a menu.
	}
	return built, err
}

func toTheOthers() cog.Builder[dashboard.DashboardLink] {
	return dashboard.NewDashboardLinkBuilder("alicloudkms").Type(dashboard.DashboardLinkTypeDashboards).
		Tags([]string{tag}).AsDropdown(true).IncludeVars(false).KeepTime(true)
}

// source is the data source that the reader picks.
func source() common.DataSourceRef {
	kind, id := "prometheus", "${datasource}"
	return common.DataSourceRef{Type: &kind, Uid: &id}
}
