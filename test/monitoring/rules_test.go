package monitoring

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/monitoring/dashboards"
)

// rule is an alert.
type rule struct {
	Alert, Expr         string
	Labels, Annotations map[string]string
}

// rules are the alerts of dashboards/.
func rules(t *testing.T) []rule {
	t.Helper()
	return rulesOf(t, "")
}

// rulesOf are the alerts of a group, or of all groups if it is "".
func rulesOf(t *testing.T, name string) (all []rule) {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string
			Rules []rule
		}
	}
	content, err := os.ReadFile(filepath.Join(folder, "alerts.yml"))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(content, &file))
	for _, group := range file.Groups {
		if name == "" || group.Name == name {
			all = append(all, group.Rules...)
		}
	}
	require.NotEmpty(t, all)
	return all
}

// promtool runs promtool.
func promtool(t *testing.T, arguments ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), tool(t, "promtool"), arguments...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func TestTheRulesFireWhereTheyShould(t *testing.T) {
	const tests = "testdata/alerts_test.yml"
	promtool(t, "test", "rules", tests)
	content, err := os.ReadFile(tests)
	require.NoError(t, err)
	for _, r := range rules(t) {
		require.Contains(t, string(content), `{alertname="`+r.Alert+`"}`, "no test sees it fire")
	}
}

func TestEachAlertHasItsHeadingInTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/monitoring.md")
	require.NoError(t, err)
	for _, r := range rules(t) {
		require.Contains(t, []string{"warning", "critical"}, r.Labels["severity"], r.Alert)
		require.NotEmpty(t, r.Annotations["summary"], r.Alert)
		require.NotEmpty(t, r.Annotations["description"], r.Alert)
		const docs = "https://github.com/alicloudkms/vault-plugin-secrets-alicloudkms/blob/main/docs/monitoring.md#"
		require.Equal(t, docs+strings.ToLower(r.Alert), r.Annotations["runbook_url"])
		require.Contains(t, string(page), "\n### "+r.Alert+"\n")
	}
}

// TestTheCodesInTheRulesAreAllOfTheirKind makes sure that the rules do not miss a new code.
func TestTheCodesInTheRulesAreAllOfTheirKind(t *testing.T) {
	for alert, kind := range map[string]func(kmsapi.Kind) bool{
		"KMSErrors": dashboards.Internal, "KMSWrongCredentials": dashboards.Unauthenticated,
	} {
		require.Contains(t, expressionOf(t, alert), `code=~"`+dashboards.Codes(kind)+`"`, alert)
	}
}

// silentUntilFailure are the alerts about failures that this test can't cause. Their counter has no such series until
// then, so their expressions are run for requests that end in any way.
var silentUntilFailure = map[string]bool{"KMSErrors": true}

func expressionOf(t *testing.T, alert string) string {
	t.Helper()
	all := rules(t)
	at := slices.IndexFunc(all, func(r rule) bool { return r.Alert == alert })
	require.GreaterOrEqual(t, at, 0)
	return all[at].Expr
}

// everyRuleIsEvaluated asks Prometheus itself about the rules: an error in a template shows only there.
func (s *stage) everyRuleIsEvaluated(t *testing.T) {
	wanted := map[string]bool{}
	for _, r := range rules(t) {
		wanted[r.Alert] = true
	}
	eventually(t, func() error {
		var data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
		err := s.prometheus.get("rules", url.Values{}, &data)
		healthy := map[string]bool{}
		for _, group := range data.Groups {
			for _, r := range group.Rules {
				healthy[r.Name] = r.Health == "ok"
				if r.LastError != "" {
					err = errors.Join(err, fmt.Errorf("%s: %s", r.Name, r.LastError))
				}
			}
		}
		if err == nil && !maps.Equal(healthy, wanted) {
			err = fmt.Errorf("not all rules were evaluated: %v", healthy)
		}
		return err
	})
}

// withoutCodes removes what selects requests by their codes.
func withoutCodes(e parser.Expr) {
	parser.Inspect(e, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			isCode := func(m *labels.Matcher) bool { return m.Name == "code" }
			selector.LabelMatchers = slices.DeleteFunc(selector.LabelMatchers, isCode)
		}
		return nil
	})
}

// metricsOf are the names of the metrics in an expression, and of those that a matcher of names matches.
func metricsOf(e parser.Expr) (names []string) {
	parser.Inspect(e, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			names = append(names, selector.Name)
		}
		return nil
	})
	return names
}
