package monitoring

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/monitoring/dashboards"
)

// folder is where the files that users load are.
const folder = "../../dashboards"

var update = flag.Bool("update", false, "write the files of the dashboards")

func TestTheDashboardFilesAreWhatTheCodeMakes(t *testing.T) {
	made, err := dashboards.All()
	require.NoError(t, err)
	for file, d := range made {
		want, err := json.MarshalIndent(d, "", "  ")
		require.NoError(t, err)
		name := filepath.Join(folder, file)
		if *update {
			require.NoError(t, os.WriteFile(name, append(want, '\n'), 0o644))
		}
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, string(want)+"\n", string(got), "%s: run the test with -update", file)
	}
}

// loaded is a dashboard as Grafana's published schema reads it from its file.
func loaded(t *testing.T, file string) (d dashboards.Dashboard) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Empty(t, mistakes(content), file)
	require.NoError(t, json.Unmarshal(content, &d))
	require.NoError(t, d.Validate())
	return d
}

// mistakes are what the schema does not allow in a dashboard: unknown, missing and wrong fields, also in its panels and
// queries.
func mistakes(content []byte) (found cog.BuildErrors) {
	plugins.RegisterDefaultPlugins()
	var d dashboards.Dashboard
	found = append(found, buildErrors(d.UnmarshalJSONStrict(content))...)
	// Of a panel's fields, the above is strict only about those that depend on its type.
	var fields struct {
		Panels []struct{ FieldConfig json.RawMessage }
	}
	found = append(found, buildErrors(json.Unmarshal(content, &fields))...)
	for _, p := range fields.Panels {
		var f dashboard.FieldConfigSource
		found = append(found, buildErrors(f.UnmarshalJSONStrict(p.FieldConfig))...)
	}
	return found
}

// buildErrors are those in err. The SDK returns an error that holds none if there are none.
func buildErrors(err error) cog.BuildErrors {
	found, ok := errors.AsType[cog.BuildErrors](err)
	if err != nil && !ok {
		return cog.MakeBuildErrors("dashboard", err)
	}
	return found
}

// TestTheSchemaFindsMistakes makes sure that the check of the dashboards finds something.
func TestTheSchemaFindsMistakes(t *testing.T) {
	right := shippedWith(t, "kms-service.json", nil)
	require.Empty(t, mistakes(right))
	for name, replaced := range map[string][2]string{
		"of the dashboard":           {`"schemaVersion"`, `"schemaversion"`},
		"of a row":                   {`"collapsed"`, `"colapsed"`},
		"of a panel":                 {`"gridPos"`, `"gridPosition"`},
		"of a position":              {`"h": 8`, `"height": 8`},
		"of a query":                 {`"legendFormat"`, `"legend"`},
		"of a query's type":          {`"expr": "`, `"expr": 1, "interval": "`},
		"of a panel's options":       {`"displayMode"`, `"displaymode"`},
		"of a stat's options":        {`"graphMode"`, `"graphmode"`},
		"of a graph's lines":         {`"lineWidth"`, `"linewidth"`},
		"of a field":                 {`"unit"`, `"units"`},
		"of a threshold":             {`"color": "red"`, `"colour": "red"`},
		"of a variable":              {`"includeAll"`, `"includeall"`},
		"of a link":                  {`"asDropdown"`, `"dropdown"`},
		"of a reference to a source": {`"uid": "${datasource}"`, `"id": "${datasource}"`},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := strings.Replace(string(right), replaced[0], replaced[1], 1)
			require.NotEqual(t, string(right), wrong)
			require.NotEmpty(t, mistakes([]byte(wrong)))
		})
	}
}

// eachDashboard runs a test for each dashboard in the folder.
func eachDashboard(t *testing.T, test func(t *testing.T, d dashboards.Dashboard)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	require.NoError(t, err)
	require.Len(t, files, 3)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { test(t, loaded(t, file)) })
	}
}
