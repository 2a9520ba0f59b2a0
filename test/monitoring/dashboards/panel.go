package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/text"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// kind is how a panel shows its series.
type kind int

const (
	lines kind = iota
	stacked
	number
	heat
	words
)

// panel is one panel of a dashboard.
type panel struct {
	kind               kind
	title, description string
	unit               string
	// width is in columns of the grid, which has 24.
	width   uint32
	queries []query
	// steps are the colours from a value on. Lines show them as thresholds.
	steps []step
	// states are the words for values, instead of numbers.
	states map[string]state
	// none is shown instead of a number that does not exist, and names shows the names of the series instead of numbers.
	none  string
	names bool
	// content is the Markdown of words.
	content string
}

// query is an expression and the name of its series.
type query struct{ expression, legend string }

// step is the colour from a value on; the first step of a panel is for everything below the second.
type step struct {
	from  float64
	color string
}

// state is what a value means.
type state struct{ text, color string }

const (
	green, yellow, orange, red, blue = "green", "yellow", "orange", "red", "blue"

	numberHeight, graphHeight = 4, 8
)

func (p panel) builder(id uint32) cog.Builder[dashboard.Panel] {
	switch p.kind {
	case number:
		return p.number(id)
	case heat:
		return p.heat(id)
	case words:
		return text.NewPanelBuilder().Id(id).Title(p.title).Description(p.description).Span(p.width).Height(graphHeight).
			Transparent(true).Mode(text.TextModeMarkdown).Content(p.content)
	default:
		return p.lines(id)
	}
}

func (p panel) lines(id uint32) cog.Builder[dashboard.Panel] {
	made := timeseries.NewPanelBuilder().Id(id).Title(p.title).Description(p.description).Datasource(source()).
		Span(p.width).Height(graphHeight).Unit(p.unit).Min(0).
		LineWidth(1).FillOpacity(10).ShowPoints(common.VisibilityModeNever).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdPaletteClassicByName)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending)).
		Legend(p.legend())
	if p.kind == stacked {
		made.Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A")).FillOpacity(30)
	}
	if len(p.steps) > 0 {
		made.Thresholds(p.thresholds()).
			ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed))
	}
	for i, q := range p.queries {
		made.WithTarget(q.target(i).Range())
	}
	return made
}

// legend is a table next to a wide graph, and a list below a narrow one.
func (p panel) legend() *common.VizLegendOptionsBuilder {
	made := common.NewVizLegendOptionsBuilder().ShowLegend(true)
	if p.width < 12 {
		return made.DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom)
	}
	return made.DisplayMode(common.LegendDisplayModeTable).Placement(common.LegendPlacementRight).
		Calcs([]string{"lastNotNull", "max"})
}

func (p panel) number(id uint32) cog.Builder[dashboard.Panel] {
	made := stat.NewPanelBuilder().Id(id).Title(p.title).Description(p.description).Datasource(source()).
		Span(p.width).Height(numberHeight).Unit(p.unit).Thresholds(p.thresholds()).
		ColorMode(common.BigValueColorModeValue).GraphMode(common.BigValueGraphModeNone).
		Orientation(common.VizOrientationAuto).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"}))
	if p.none != "" {
		made.NoValue(p.none)
	}
	if p.names {
		made.TextMode(common.BigValueTextModeName)
	}
	if p.states != nil {
		made.Mappings([]dashboard.ValueMapping{p.mapping()}).ColorMode(common.BigValueColorModeBackground)
	}
	for i, q := range p.queries {
		made.WithTarget(q.target(i).Instant())
	}
	return made
}

func (p panel) heat(id uint32) cog.Builder[dashboard.Panel] {
	made := heatmap.NewPanelBuilder().Id(id).Title(p.title).Description(p.description).Datasource(source()).
		Span(p.width).Height(graphHeight).
		YAxis(heatmap.NewYAxisConfigBuilder().Unit(p.unit)).
		CellValues(heatmap.NewCellValuesBuilder().Unit("short")).
		Tooltip(heatmap.NewHeatmapTooltipBuilder().Mode(common.TooltipDisplayModeSingle)).
		Color(heatmap.NewHeatmapColorOptionsBuilder().Mode(heatmap.HeatmapColorModeScheme).Scheme("Spectral").Steps(64).
			Exponent(0.5).Fill("dark-orange").Reverse(true))
	for i, q := range p.queries {
		made.WithTarget(q.target(i).Format(prometheus.PromQueryFormatHeatmap).Range())
	}
	return made
}

func (q query) target(i int) *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().Datasource(source()).RefId(string(rune('A' + i))).Expr(q.expression).
		LegendFormat(q.legend)
}

func (p panel) thresholds() *dashboard.ThresholdsConfigBuilder {
	steps := []dashboard.Threshold{{Color: green}}
	for i, s := range p.steps {
		if i == 0 {
			steps[0].Color = s.color
			continue
		}
		steps = append(steps, dashboard.Threshold{Value: &s.from, Color: s.color})
	}
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(steps)
}

func (p panel) mapping() dashboard.ValueMapping {
	results := map[string]dashboard.ValueMappingResult{}
	for value, s := range p.states {
		results[value] = dashboard.ValueMappingResult{Text: &s.text, Color: &s.color}
	}
	return dashboard.ValueMapping{
		ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: results},
	}
}
