package monitoring

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// prometheus is a running Prometheus.
type prometheus struct{ address string }

// get asks its API, and reads the data of the answer.
func (p *prometheus) get(path string, query url.Values, data any) error {
	response, err := http.Get("http://" + p.address + "/api/v1/" + path + "?" + query.Encode())
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s: %s: %w", path, response.Status, err)
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s %v: %s", path, query, answer.Error)
	}
	return nil
}

// vector is the result of an expression: the values of its series.
type vector struct {
	Result []struct {
		Metric map[string]string
		Value  [2]any
	}
}

// numbers are the values that are numbers.
func (v vector) numbers() (all []float64) {
	for _, series := range v.Result {
		text, _ := series.Value[1].(string)
		if number, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(number) {
			all = append(all, number)
		}
	}
	return all
}

// query evaluates an expression now.
func (p *prometheus) query(expression string) (v vector, err error) {
	return v, p.get("query", url.Values{"query": {expression}}, &v)
}

// labelValues are the values of a label in the series of a selector.
func (p *prometheus) labelValues(selector, label string) (values []string, err error) {
	return values, p.get("label/"+label+"/values", url.Values{"match[]": {selector}}, &values)
}

// names are the names of all metrics that Prometheus has.
func (p *prometheus) names() (names []string, err error) {
	err = p.get("label/__name__/values", nil, &names)
	slices.Sort(names)
	return names, err
}
