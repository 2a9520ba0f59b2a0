package monitoring

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/monitoring/dashboards"
)

// leftOut are expressions for metrics of the service that no dashboard shows, and why.
var leftOut = map[string]string{
	"go_memstats_.*|go_gc_.*":          "Go's heap in use, the resident memory and the pauses say what an operator needs to know",
	"go_info|go_sched_.*":              "Go's version and its number of processors do not change while the service runs",
	"process_virtual_memory(_max)?_.*": "Go reserves address space that it does not use",
}

// isLeftOut reports whether dashboards may leave out a metric.
func isLeftOut(name string) bool {
	for pattern := range leftOut {
		if regexp.MustCompile("^(?:" + pattern + ")$").MatchString(name) {
			return true
		}
	}
	return false
}

// everyMetricIsShown compares what the service emits with what the dashboards use.
func (s *stage) everyMetricIsShown(t *testing.T) {
	shown := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	require.NoError(t, err)
	for _, file := range files {
		for _, e := range expressions(loaded(t, file)) {
			for _, name := range metricsOf(parsed(t, filledIn(e.expression, map[string]string{"mount": mount}))) {
				shown[name] = true
			}
		}
	}
	for _, name := range s.emitted(t) {
		isShown := func(part string) bool { return shown[name+part] }
		inPanel := slices.ContainsFunc([]string{"", "_bucket", "_sum", "_count"}, isShown)
		assert.True(t, inPanel || isLeftOut(name), "%s is in no dashboard", name)
	}
}

var typeLine = regexp.MustCompile(`(?m)^# TYPE (\S+) `)

// emitted are the names of the metrics of the service and of the nodes.
func (s *stage) emitted(t *testing.T) (names []string) {
	t.Helper()
	names = emittedBy(t, s.kms)
	for _, node := range s.nodes {
		names = append(names, emittedBy(t, node.KMS)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func emittedBy(t *testing.T, kms *servers.KMS) (names []string) {
	t.Helper()
	response, err := http.Get("http://" + kms.Operations + "/metrics")
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	for _, match := range typeLine.FindAllStringSubmatch(string(text), -1) {
		names = append(names, match[1])
	}
	require.NotEmpty(t, names)
	return names
}

var metricName = regexp.MustCompile(`\b(?:alicloudkms|vault_(?:audit|barrier|core|expire|route)|process|go)_[a-z0-9_]+\b`)

// everyNameExists looks up what the docs and the rules name. Histograms are named without their suffix.
func (s *stage) everyNameExists(t *testing.T) {
	var named []string
	for _, file := range []string{"../docs/monitoring.md", "../docs/kms-operations.md", "alerts.yml"} {
		content, err := os.ReadFile(filepath.Join(folder, file))
		require.NoError(t, err)
		found := metricName.FindAllString(string(content), -1)
		require.NotEmpty(t, found, file)
		named = append(named, found...)
	}
	emitted := s.emitted(t)
	eventually(t, func() error { // Vault emits some of its own every ten seconds.
		scraped, err := s.prometheus.names()
		known := slices.Concat(scraped, emitted)
		for _, name := range named {
			if !slices.Contains(known, name) {
				err = errors.Join(err, fmt.Errorf("there is no %s", name))
			}
		}
		return err
	})
}

var limitRow = regexp.MustCompile(`(?m)^\| (\w+) \| (\d+) \|$`)

// limitsAreThose compares the table of limits in a dashboard with those of a service that has the defaults.
func (s *stage) limitsAreThose(t *testing.T) {
	content := string(shippedWith(t, "quotas.json", nil))
	rows := limitRow.FindAllStringSubmatch(strings.ReplaceAll(content, `\n`, "\n"), -1)
	inTable := map[string]string{}
	for _, row := range rows {
		inTable[row[1]] = row[2]
	}
	found, err := s.prometheus.query("alicloudkms_rate_limit")
	require.NoError(t, err)
	ofService := map[string]string{}
	for _, series := range found.Result {
		ofService[series.Metric["class"]], _ = series.Value[1].(string)
	}
	require.NotEmpty(t, ofService)
	require.Equal(t, ofService, inTable)
}

func TestNoPanelsOverlap(t *testing.T) {
	eachDashboard(t, func(t *testing.T, d dashboards.Dashboard) {
		taken := map[[2]uint32]string{}
		ids := map[uint32]bool{}
		place := func(id *uint32, title *string, at *dashboard.GridPos) {
			require.NotNil(t, title)
			require.False(t, ids[*id], "%s: its id is another's", *title)
			ids[*id] = true
			require.LessOrEqual(t, at.X+at.W, uint32(24), "%s: beyond the grid", *title)
			for x := at.X; x < at.X+at.W; x++ {
				for y := at.Y; y < at.Y+at.H; y++ {
					require.Empty(t, taken[[2]uint32{x, y}], "%s: it overlaps", *title)
					taken[[2]uint32{x, y}] = *title
				}
			}
		}
		for _, p := range d.Panels {
			if p.RowPanel != nil {
				place(&p.RowPanel.Id, p.RowPanel.Title, p.RowPanel.GridPos)
			} else {
				place(p.Panel.Id, p.Panel.Title, p.Panel.GridPos)
			}
		}
	})
}

func TestEachPanelSaysWhatItShows(t *testing.T) {
	eachDashboard(t, func(t *testing.T, d dashboards.Dashboard) {
		require.NotEmpty(t, *d.Description)
		require.Nil(t, d.Id, "Grafana gives it")
		require.Nil(t, d.Uid, "Grafana gives it")
		require.GreaterOrEqual(t, d.SchemaVersion, uint16(42))
		for _, p := range panels(d) {
			require.NotEmpty(t, *p.Description, *p.Title)
			if len(p.Targets) == 0 {
				continue
			}
			require.Equal(t, "${datasource}", *p.Datasource.Uid, *p.Title)
			if p.Type != "heatmap" {
				require.NotEmpty(t, *p.FieldConfig.Defaults.Unit, *p.Title)
			}
		}
	})
}
