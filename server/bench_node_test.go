package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// BenchmarkNode compares Encrypt on the active node of a cluster with Encrypt on a service on one machine.
func BenchmarkNode(b *testing.B) {
	tr := newTrial(b)
	one := tr.start("one")
	one.awaitActive()
	b.Run("active", func(b *testing.B) { one.benchmark(b) })

	alone := &trialNode{trial: tr, config: tr.dev.Config}
	var err error
	alone.Server, err = server.Start(alone.config, server.Options{Clock: tr.clock.Now})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, alone.Server.Close()) })
	b.Run("alone", func(b *testing.B) { alone.benchmark(b) })
}

func (n *trialNode) benchmark(b *testing.B) {
	id := n.createKey()
	forms := make([]string, b.N)
	for i := range forms {
		forms[i] = n.trial.signed("Encrypt", "KeyId", id, "Plaintext", "eA==")
	}
	r := request(http.MethodPost, "/", "", nil).WithContext(b.Context())
	answer, handler := &quiet{header: http.Header{}}, n.Handler("")
	b.ReportAllocs()
	b.ResetTimer()
	for _, form := range forms {
		r.Body = readCloser{strings.NewReader(form)}
		handler.ServeHTTP(answer, r)
	}
	b.StopTimer()
	require.Equal(b, http.StatusOK, answer.status)
}
