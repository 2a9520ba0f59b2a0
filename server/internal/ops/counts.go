package ops

import (
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// counts has the numbers of events since the start.
type counts struct {
	// requests counts all answered requests, and refused those with an error code.
	requests, refused float64
	// byClass counts requests by the rate class of their operation, and throttled those of them that a rate limit
	// refused.
	byClass, throttled map[kmsapi.RateClass]float64
	// byCode counts refused requests by error code, nonces those that were refused because of their nonce, and closed
	// the connections that were closed because of a bound. forwarded counts the requests that a standby has received,
	// by [ForwardResult].
	byCode, nonces, closed     map[string]float64
	forwarded                  map[string]float64
	panics, notHTTP, rotations float64
}

// counts reads the counters.
func (m *Metrics) counts() (counts, error) {
	c := counts{
		byClass: map[kmsapi.RateClass]float64{}, throttled: map[kmsapi.RateClass]float64{},
		byCode: map[string]float64{}, nonces: map[string]float64{}, closed: map[string]float64{},
		forwarded: map[string]float64{},
	}
	families, err := m.events.Gather()
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			c.add(strings.TrimPrefix(family.GetName(), namePrefix), labels, metric.GetCounter().GetValue())
		}
	}
	return c, err
}

// add adds a series.
func (c *counts) add(name string, labels map[string]string, n float64) {
	switch name {
	case nameRequests:
		c.addRequests(kmsapi.Operation(labels["action"]), labels["code"], n)
	case nameRateLimited:
		c.throttled[kmsapi.RateClass(labels["class"])] = n
	case nameNonceRefusals:
		c.nonces[labels["reason"]] = n
	case nameClosed:
		c.closed[labels["bound"]] = n
	case nameForwarded:
		c.forwarded[labels["result"]] = n
	case namePanics:
		c.panics = n
	case nameNotHTTP:
		c.notHTTP = n
	case nameRotations:
		c.rotations = n
	}
}

func (c *counts) addRequests(operation kmsapi.Operation, code string, n float64) {
	c.requests += n
	if operation.Known() {
		c.byClass[operation.RateClass()] += n
	}
	if code != successCode {
		c.refused += n
		c.byCode[code] += n
	}
}
