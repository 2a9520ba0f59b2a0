package server_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// probe sends a request to the listener for clients as a load balancer on another machine would: it has no access key
// and can't reach /healthz.
func (n *trialNode) probe() (status int) {
	n.trial.t.Helper()
	answer := httptest.NewRecorder()
	n.Handler("").ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
	return answer.Code
}

func TestAProbeWithoutASignatureTellsWhetherANodeServes(t *testing.T) {
	tr := newTrial(t)
	one := tr.start("one")
	one.awaitServing()
	require.Equal(t, http.StatusBadRequest, one.probe())
	two := tr.start("two")
	tr.awaitInTime("two may stand", func() bool { return two.NodeHealth().Refusal == nil })
	require.Equal(t, http.StatusBadRequest, two.probe(), "a standby forwards it")
	two.link().down.Store(true)
	require.Equal(t, http.StatusServiceUnavailable, two.probe())
	two.link().down.Store(false)
	one.shutdown()
	tr.awaitInTime("two is the active one", func() bool { return two.NodeHealth().Active })
	two.awaitServing()
	require.Equal(t, http.StatusBadRequest, two.probe())
}
