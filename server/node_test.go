package server_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestEveryNodeOfAClusterAnswers(t *testing.T) {
	tr := newTrial(t)
	one := tr.start("one")
	one.awaitActive()
	two, three := tr.start("two"), tr.start("three")

	id := two.createKey()
	plaintext := base64.StdEncoding.EncodeToString([]byte("Geheimnis"))
	blob := three.must("Encrypt", "KeyId", id, "Plaintext", plaintext).CiphertextBlob
	require.Equal(t, plaintext, one.must("Decrypt", "CiphertextBlob", blob).Plaintext)
	two.do("Encrypt", "KeyId", "no-such-key", "Plaintext", plaintext).refused(t, kmsapi.ErrKeyNotFound)

	require.Empty(t, two.auditLines(), "the node that answers writes the line")
	require.Empty(t, three.auditLines())
	lines := one.auditLines()
	require.Len(t, lines, 4)
	require.Equal(t, "two", lines[0]["forwarded_by"])
	require.Equal(t, "192.0.2.7", lines[0]["source_ip"], "it is that of the caller")
	require.Equal(t, "three", lines[1]["forwarded_by"])
	require.NotContains(t, lines[2], "forwarded_by")
	require.Equal(t, "Forbidden.KeyNotFound", lines[3]["code"])
}

func TestAForwardedRequestIsAnsweredAsAtTheActiveNode(t *testing.T) {
	tr := newTrial(t)
	one := tr.start("one")
	one.awaitActive()
	two := tr.start("two")
	for name, form := range map[string]func() string{
		"an answer":               func() string { return tr.signed("ListKeys") },
		"a refusal":               func() string { return tr.signed("DescribeKey", "KeyId", "nothing") },
		"a refusal of a stranger": func() string { return tr.signed("ListKeys") + "x" },
	} {
		t.Run(name, func(t *testing.T) {
			want, got := one.post(form()), two.post(form())
			require.Equal(t, want.status, got.status)
			for _, field := range []string{"Content-Type", "Connection", "Date", "Cache-Control", "X-Content-Type-Options"} {
				require.Equal(t, want.header.Get(field), got.header.Get(field), field)
			}
		})
	}
	instance := one.config.Instances[0].ID
	got := two.answer(two.Handler(instance), tr.signed("CreateKey"))
	require.Contains(t, got.Message, "CreateKey", "the dedicated gateway serves no such operation: %s", got.body)
}

func TestAStandbyAnswersByItselfWhatTheActiveNodeDoesNot(t *testing.T) {
	for _, tc := range []struct {
		name    string
		prepare func(tr *trial, one, two *trialNode)
		message string
		metric  string
	}{
		{"no link", func(_ *trial, _, two *trialNode) { two.link().down.Store(true) }, "did not answer", "not_run"},
		{"a lost answer", func(_ *trial, _, two *trialNode) { two.link().lost.Store(true) }, "did not answer", "unknown"},
		{"no active node", func(tr *trial, one, two *trialNode) {
			refuse(one, two)
			tr.awaitInTime("two may not stand", func() bool { return errors.Is(two.NodeHealth().Refusal, errDisk) })
			one.close()
		}, "No node of the cluster", "no_active_node"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tr := newTrial(t)
			one := tr.start("one")
			one.awaitActive()
			two := tr.start("two", withOps(t))
			tc.prepare(tr, one, two)
			got := two.do("ListKeys")
			got.refused(t, kmsapi.ErrServiceUnavailable)
			require.Contains(t, got.Message, tc.message)
			require.Equal(t, "close", got.header.Get("Connection"))
			lines := two.auditLines()
			require.Len(t, lines, 1)
			require.Equal(t, "ListKeys", lines[0]["operation"])
			require.Equal(t, "", lines[0]["account"], "nobody has verified the signature")
			_, metrics := observe(t, two.OpsAddress(), http.MethodGet, "/metrics")
			require.Contains(t, metrics, `alicloudkms_cluster_forwarded_total{result="`+tc.metric+`"} 1`)
		})
	}
}

func TestAStandbyRefusesByItselfWhatItCanNotReceive(t *testing.T) {
	tr := newTrial(t)
	one := tr.start("one")
	one.awaitActive()
	two := tr.start("two")
	two.post("Action=ListKeys&Action=ListKeys").refused(t, kmsapi.ErrParseRequestParameter)
	require.Empty(t, one.auditLines())
	require.Len(t, two.auditLines(), 1)
}

func TestARequestThatWasReadBeforeTheTermEndedIsNotAnsweredAfterIt(t *testing.T) {
	tr := newTrial(t)
	one := tr.start("one")
	one.awaitActive()
	id := one.createKey()
	two := tr.start("two")
	refuse(one) // Otherwise it would lead again.
	term := tr.term()
	endTerm := func() {
		tr.cluster.inView.Store(nil)
		term.end(nil)
		two.awaitActive()
	}
	tr.awaitInTime("one may not stand again", func() bool { return one.NodeHealth().Refusal != nil })
	tr.cluster.inView.Store(&endTerm)
	got := one.do("DescribeKey", "KeyId", id)
	got.refused(t, kmsapi.ErrServiceUnavailable)
	require.Contains(t, got.Message, "no longer the active one")
	lines := one.auditLines()
	require.EqualValues(t, http.StatusServiceUnavailable, lines[len(lines)-1]["status"])
	tr.clock.advance(trialSkew + time.Second)
	tr.await("one has noticed the end of its term", func() bool { return !one.NodeHealth().Active })
	require.Equal(t, id, one.must("DescribeKey", "KeyId", id).KeyMetadata.KeyId, "it is a standby now")
}

// refuse makes the links of nodes report that they may not become active.
func refuse(nodes ...*trialNode) {
	refusal := errDisk
	for _, n := range nodes {
		n.link().refusal.Store(&refusal)
	}
}
