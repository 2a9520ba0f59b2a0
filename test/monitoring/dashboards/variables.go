package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// datasource lets the reader pick the Prometheus.
func datasource() cog.Builder[dashboard.VariableModel] {
	return dashboard.NewDatasourceVariableBuilder("datasource").Label("Data source").Type("prometheus")
}

// choice lets the reader pick values that a query finds: all of them at first.
func choice(name, label, query string) *dashboard.QueryVariableBuilder {
	all := []string{"$__all"}
	selected, text := true, []string{"All"}
	return dashboard.NewQueryVariableBuilder(name).Label(label).Datasource(source()).
		Query(dashboard.StringOrMap{String: &query}).Definition(query).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).Sort(dashboard.VariableSortAlphabeticalAsc).
		Multi(true).IncludeAll(true).
		Current(dashboard.VariableOption{
			Selected: &selected,
			Text:     dashboard.StringOrArrayOfString{ArrayOfString: text},
			Value:    dashboard.StringOrArrayOfString{ArrayOfString: all},
		})
}

// targets are the variables that pick the scraped processes: those that have a metric.
func targets(metric string) []cog.Builder[dashboard.VariableModel] {
	return []cog.Builder[dashboard.VariableModel]{
		datasource(),
		choice("job", "Job", "label_values("+metric+", job)"),
		choice("instance", "Instance", "label_values("+metric+`{job=~"$job"}, instance)`),
	}
}

// picked selects the series of the processes that the reader has picked. More matchers may follow its brace's content.
const picked = `job=~"$job", instance=~"$instance"`
