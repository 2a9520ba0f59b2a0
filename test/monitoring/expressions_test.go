package monitoring

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	grafana "github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/monitoring/dashboards"
)

// TestAgainstARealPrometheus compares the dashboards and rules with what a real Prometheus has scraped from a real
// service, a real cluster and a real Vault.
func TestAgainstARealPrometheus(t *testing.T) {
	s := newStage(t)
	c := newCaller(t, s.kms)
	s.prepare(t, c)
	s.reloads(t)
	s.load(t, c)
	t.Run("every panel has series", s.everyPanelHasSeries)
	t.Run("every rule has series", s.everyRuleHasSeries)
	t.Run("every rule is evaluated", s.everyRuleIsEvaluated)
	t.Run("the cluster is well", s.theClusterIsWell)
	t.Run("every metric of the service is shown or left out", s.everyMetricIsShown)
	t.Run("every metric in the docs exists", s.everyNameExists)
	t.Run("the limits in the dashboard are those of the service", s.limitsAreThose)
}

// everyPanelHasSeries evaluates each expression of each dashboard with its variables as Grafana fills them in at first.
func (s *stage) everyPanelHasSeries(t *testing.T) {
	eachDashboard(t, func(t *testing.T, d dashboards.Dashboard) {
		var values map[string]string
		eventually(t, func() (err error) {
			values, err = s.variables(d)
			return err
		})
		for _, e := range expressions(d) {
			t.Run(e.name, func(t *testing.T) { s.hasSeries(t, filledIn(e.expression, values)) })
		}
	})
}

func (s *stage) everyRuleHasSeries(t *testing.T) {
	for _, r := range rules(t) {
		t.Run(r.Alert, func(t *testing.T) {
			compared := withoutComparison(parsed(t, r.Expr))
			if silentUntilFailure[r.Alert] {
				withoutCodes(compared)
			}
			s.hasSeries(t, compared.String())
		})
	}
}

// hasSeries waits until an expression has a series with a number.
func (s *stage) hasSeries(t *testing.T, expression string) {
	t.Helper()
	eventually(t, func() error {
		found, err := s.prometheus.query(expression)
		if err == nil && len(found.numbers()) == 0 {
			err = fmt.Errorf("%s has %d series, none with a number", expression, len(found.Result))
		}
		return err
	})
}

// named is an expression with the name of its panel.
type named struct{ name, expression string }

// expressions are the expressions of a dashboard.
func expressions(d dashboards.Dashboard) (all []named) {
	for _, p := range panels(d) {
		for _, target := range p.Targets {
			query, _ := target.(*grafana.Dataquery)
			all = append(all, named{*p.Title + " " + *query.RefId, query.Expr})
		}
	}
	return all
}

// panels are the panels of a dashboard, without the rows.
func panels(d dashboards.Dashboard) (all []dashboard.Panel) {
	for _, p := range d.Panels {
		if p.Panel != nil {
			all = append(all, *p.Panel)
		}
	}
	return all
}

// filledIn replaces variables. $__rate_interval is four scrapes and more.
func filledIn(expression string, values map[string]string) string {
	filled := strings.ReplaceAll(expression, "$__rate_interval", "4s")
	for name, value := range values {
		filled = strings.NewReplacer("${"+name+"}", value, "$"+name, value).Replace(filled)
	}
	return filled
}

var (
	labelValues = regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)
	metricNames = regexp.MustCompile(`^metrics\((.+)\)$`)
)

// variables are the values of a dashboard's variables: all that their queries find, or the one that is the default.
func (s *stage) variables(d dashboards.Dashboard) (map[string]string, error) {
	values := map[string]string{}
	for _, v := range d.Templating.List {
		if v.Type == dashboard.VariableTypeDatasource {
			continue
		}
		found, err := s.choices(filledIn(*v.Query.String, values), v.Regex)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%s finds nothing", *v.Query.String)
		}
		values[v.Name] = strings.Join(found, "|")
		if only := v.Current.Value.String; only != nil {
			if !slices.Contains(found, *only) {
				return nil, fmt.Errorf("%s is not among %v", *only, found)
			}
			values[v.Name] = *only
		}
	}
	return values, nil
}

// choices are what the query of a variable finds, and, with an expression, what its group matches in them.
func (s *stage) choices(query string, extract *string) (found []string, err error) {
	if match := labelValues.FindStringSubmatch(query); match != nil {
		return s.prometheus.labelValues(match[1], match[2])
	}
	match := metricNames.FindStringSubmatch(query)
	if match == nil || extract == nil {
		return nil, fmt.Errorf("%s is no query that is known here", query)
	}
	names, err := s.prometheus.names()
	wanted := regexp.MustCompile(match[1])
	group := regexp.MustCompile(strings.Trim(*extract, "/"))
	for _, name := range names {
		if part := group.FindStringSubmatch(name); part != nil && wanted.MatchString(name) {
			found = append(found, part[1])
		}
	}
	return found, err
}

// parsed is a PromQL expression.
func parsed(t *testing.T, expression string) parser.Expr {
	t.Helper()
	e, err := parser.ParseExpr(expression)
	require.NoError(t, err)
	return e
}

// withoutComparison returns the part of an alert that is compared with a number: it has series even while the alert is
// silent.
func withoutComparison(e parser.Expr) parser.Expr {
	binary, ok := e.(*parser.BinaryExpr)
	switch {
	case !ok:
		return e
	case binary.Op.IsComparisonOperator():
		return withoutComparison(binary.LHS)
	case binary.Op == parser.LOR:
		either := *binary
		either.LHS, either.RHS = withoutComparison(binary.LHS), withoutComparison(binary.RHS)
		return &either
	default:
		return e
	}
}
