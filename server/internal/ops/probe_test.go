package ops

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
)

// probe asks with and without ?standbyok=true, and returns both statuses, and the word, which must be the same.
func probe(t *testing.T, p http.Handler) (statuses [2]int, word string) {
	t.Helper()
	for i, path := range []string{"/healthz", "/healthz?standbyok=true"} {
		answer := httptest.NewRecorder()
		p.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		statuses[i] = answer.Code
		if i == 1 {
			require.Equal(t, word, answer.Body.String())
		}
		word = answer.Body.String()
	}
	return statuses, word
}

func TestAProbeGetsAStatusAndAWord(t *testing.T) {
	broken := errors.New("etcd has not answered")
	for name, tc := range map[string]struct {
		status   Status
		node     *Node
		statuses [2]int
		word     string
	}{
		"a service that serves":           {Status{}, nil, [2]int{200, 200}, "active\n"},
		"a service whose store is broken": {Status{StoreErr: broken}, nil, [2]int{503, 503}, "unavailable\n"},
		"a service whose audit log is full": {
			Status{AuditErr: broken, RetryAudit: func() error { return broken }}, nil, [2]int{503, 503}, "unavailable\n",
		},
		"a service whose audit log has room again": {
			Status{AuditErr: broken, RetryAudit: func() error { return nil }}, nil, [2]int{200, 200}, "active\n",
		},
		"the active node":                {Status{}, &Node{Name: "a", Active: true}, [2]int{200, 200}, "active\n"},
		"a standby":                      {Status{}, &Node{Name: "a", ActiveNode: "b"}, [2]int{429, 200}, "standby\n"},
		"a node that can't serve":        {Status{}, &Node{Name: "a", Err: broken}, [2]int{503, 503}, "unavailable\n"},
		"an active one that can't serve": {Status{}, &Node{Active: true, Err: broken}, [2]int{503, 503}, "unavailable\n"},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Status: func() Status { return tc.status }}
			if tc.node != nil {
				o.Node = func() Node { return *tc.node }
			}
			statuses, word := probe(t, &probes{look: healthStatus(o), often: rate.NewLimiter(rate.Inf, 0)})
			require.Equal(t, tc.statuses, statuses)
			require.Equal(t, tc.word, word)
		})
	}
}

func TestProbesThatComeTooOftenGetTheResultOfTheLastLook(t *testing.T) {
	looks, found := 0, http.StatusOK
	p := &probes{often: rate.NewLimiter(0, 2), look: func() int {
		looks++
		return found
	}}
	for range 2 {
		_, word := probe(t, p)
		require.Equal(t, "active\n", word)
	}
	found = http.StatusServiceUnavailable
	for range 100 {
		_, word := probe(t, p)
		require.Equal(t, "active\n", word)
	}
	require.Equal(t, 2, looks)
	p.often.SetLimit(rate.Inf)
	_, word := probe(t, p)
	require.Equal(t, "unavailable\n", word)
}

func TestTheFirstProbeLooksInAnyCase(t *testing.T) {
	p := &probes{often: rate.NewLimiter(0, 0), look: func() int { return http.StatusTooManyRequests }}
	_, word := probe(t, p)
	require.Equal(t, "standby\n", word)
}
