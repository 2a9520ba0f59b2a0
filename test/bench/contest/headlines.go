package contest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"text/template"
)

// Headlines are the rows of r that have one.
func (r Report) Headlines() []Row {
	return slices.DeleteFunc(slices.Clone(r.Contests), func(row Row) bool { return row.Headline == "" })
}

// HeadlineTable is the headlines in Markdown.
func (r Report) HeadlineTable() string {
	var b strings.Builder
	b.WriteString("| what was compared | times as fast | from run to run |\n|---|---|---|\n")
	for _, row := range r.Headlines() {
		fmt.Fprintf(&b, "| %s | **%s×** | %s to %s |\n", row.Headline, short(row.Median), short(row.Min), short(row.Max))
	}
	return b.String()
}

// WritePlot draws the headlines into an SVG file.
func (r Report) WritePlot(path string) error {
	drawn, err := r.plot()
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(drawn), 0o644)
}

// The plot, in pixels: a bar below each headline, as long as its ratio.
const (
	plotWidth = 720
	barLeft   = 10
	// barRoom is the length of the longest bar. What is left of the width is for its number.
	barRoom   = 620
	barHeight = 16
	rowHeight = 56
	plotTop   = 24
	plotFoot  = 12
)

// A bar is one headline in the plot. Y is the baseline of its text.
type bar struct {
	Headline, Ratio string
	Y, Width        int
}

func (r Report) plot() (string, error) {
	rows := r.Headlines()
	longest := 1.0
	for _, row := range rows {
		longest = max(longest, row.Median)
	}
	length := func(ratio float64) int { return int(ratio / longest * barRoom) }
	var bars []bar
	for i, row := range rows {
		bars = append(bars, bar{row.Headline, short(row.Median) + "×", plotTop + i*rowHeight, length(row.Median)})
	}
	var b strings.Builder
	err := plotTemplate.Execute(&b, map[string]any{
		"Width": plotWidth, "Height": plotTop + len(rows)*rowHeight + plotFoot, "Left": barLeft, "Thick": barHeight,
		"One": barLeft + length(1), "Bars": bars,
	})
	return b.String(), err
}

// plotTemplate has its colors in a style, so that they follow the reader's light or dark mode.
var plotTemplate = template.Must(template.New("plot").Funcs(template.FuncMap{
	"add": func(a, b int) int { return a + b },
}).Parse(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{.Width}} {{.Height}}" role="img" aria-label="How many times as fast as its peer">
<style>
  text { font: 14px sans-serif; fill: #1f2328 }
  .bar { fill: #2563eb }
  .one { stroke: #1f2328; stroke-width: 2 }
  .note { font-size: 12px }
  @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .bar { fill: #6ea8fe } .one { stroke: #e6edf3 } }
</style>
{{- $plot := .}}{{range .Bars}}
<text x="{{$plot.Left}}" y="{{.Y}}">{{html .Headline}}</text>
<rect class="bar" x="{{$plot.Left}}" y="{{add .Y 8}}" width="{{.Width}}" height="{{$plot.Thick}}" rx="3"/>
<line class="one" x1="{{$plot.One}}" y1="{{add .Y 5}}" x2="{{$plot.One}}" y2="{{add .Y 27}}"/>
<text x="{{add $plot.Left (add .Width 8)}}" y="{{add .Y 21}}">{{.Ratio}}</text>
{{- end}}
<text class="note" x="{{.Left}}" y="{{add .Height -8}}">The mark on each bar is its peer.</text>
</svg>
`))
