package alicloudkms

import (
	"crypto/rand"
	"encoding/base64"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
)

// TestNodesAgreeOnceTheyHear changes a key at random on the node that writes, while two others use it that hear of its
// changes late, twice or never. For a longer run: go test -run NodesAgree . -rapid.checks=1000.
func TestNodesAgreeOnceTheyHear(t *testing.T) {
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue && os.Getenv("RAPID_CHECKS") == "" {
		require.NoError(t, checks.Value.Set("15"))
		t.Cleanup(func() { require.NoError(t, checks.Value.Set(checks.DefValue)) })
	}
	service := newWatchedKMS(t)
	rapid.Check(t, func(rt *rapid.T) {
		m := &nodesModel{nodes: newNodesOn(t, service, "a")}
		rt.Repeat(rapid.StateMachineActions(m))
		m.agree(rt)
	})
}

// A nodesModel is a cluster with the key called a, whose methods are the steps of its life.
type nodesModel struct {
	*nodes
	// made are the ciphertexts that the nodes have made.
	made []madeByNode
	// heard is how many of the changes of the key each node but the first has heard of.
	heard   [2]int
	changes int
}

type madeByNode struct{ ciphertext, plaintext string }

// change writes on the node that writes.
func (m *nodesModel) change(t *rapid.T, path string, data map[string]any) *logical.Response {
	t.Helper()
	m.clock.later(2 * time.Second)
	resp, err := m.tryWrite(path, data)
	require.NoError(t, err)
	m.changes++
	return resp
}

func (m *nodesModel) exists() bool {
	entry, err := loadKey(m.t.Context(), m.storage, "a")
	return err == nil && entry != nil
}

func (m *nodesModel) needsKey(t *rapid.T) {
	if !m.exists() {
		t.Skip("no key")
	}
}

func (m *nodesModel) Make(t *rapid.T) {
	if m.exists() {
		t.Skip("there is one")
	}
	m.change(t, "keys/a", body{"encryption": rapid.SampledFrom([]string{"direct", "envelope"}).Draw(t, "encryption")})
}

func (m *nodesModel) Rotate(t *rapid.T) {
	m.needsKey(t)
	m.change(t, "keys/a/rotate", body{"new_cmk": rapid.Bool().Draw(t, "new_cmk")})
}

func (m *nodesModel) RotateInKMS(t *rapid.T) {
	m.needsKey(t)
	m.direct().rotate(m.keyID("a"))
}

func (m *nodesModel) ChangeMode(t *rapid.T) {
	m.needsKey(t)
	wanted := map[bool]string{false: "envelope", true: "direct"}[m.entry("a").isEnvelope()]
	m.change(t, "keys/a/config", body{"encryption": wanted})
}

func (m *nodesModel) RaiseMinimum(t *rapid.T) {
	m.needsKey(t)
	e := m.entry("a")
	n := rapid.IntRange(e.oldestToOpen(), e.versions.Newest()).Draw(t, "minimum")
	m.change(t, "keys/a/config", body{"min_decryption_version": n})
}

// Deregister may register the key again, as the same key or without its envelope id.
func (m *nodesModel) Deregister(t *rapid.T) {
	m.needsKey(t)
	var own []string
	for _, made := range m.made {
		if isMessage(made.ciphertext) && messageOfText(m.t, made.ciphertext).ID == m.entry("a").EnvelopeID {
			own = append(own, made.ciphertext)
		}
	}
	all := m.change(t, "keys/a/deregister", nil).Data["key_ids"].([]string)
	if !rapid.Bool().Draw(t, "again") {
		return
	}
	given := body{"key_id": all[len(all)-1]}
	if len(all) > 1 {
		given["previous_key_ids"] = all[:len(all)-1]
	}
	if len(own) > 0 && rapid.Bool().Draw(t, "as it was") {
		given["envelope_text"] = rapid.SampledFrom(own).Draw(t, "envelope_text")
	}
	m.change(t, "keys/a/register", given)
}

// Hear lets a node hear of the changes so far, or again of one that it knows.
func (m *nodesModel) Hear(t *rapid.T) {
	i := rapid.IntRange(0, 1).Draw(t, "node")
	m.others[i].hears(keyPrefix + "a")
	m.heard[i] = m.changes
}

// Encrypt encrypts on one node, and opens the result and an earlier ciphertext on each.
func (m *nodesModel) Encrypt(t *rapid.T) {
	m.clock.later(2 * time.Second)
	i := rapid.IntRange(0, 2).Draw(t, "node")
	plaintext := base64.StdEncoding.EncodeToString([]byte(rand.Text()))
	resp, err := m.tryOn(t, i, "encrypt/a", body{"plaintext": plaintext})
	if err != nil {
		require.False(t, m.exists(), "node %d: %v", i, err)
		require.Equal(t, i > 0, err == logical.ErrReadOnly, "%v", err)
		return
	}
	made := madeByNode{resp.Data["ciphertext"].(string), plaintext}
	m.made = append(m.made, made)
	for _, opened := range []madeByNode{made, rapid.SampledFrom(m.made).Draw(t, "ciphertext")} {
		for _, node := range rapid.Permutation([]int{0, 1, 2}).Draw(t, "nodes") {
			m.decryptOn(t, node, opened)
		}
	}
}

// Check checks what must hold after each step.
func (m *nodesModel) Check(t *rapid.T) {
	if n := len(m.made); n > 0 {
		m.decryptOn(t, 0, m.made[n-1])
	}
}

// tryOn sends a request to a node that must not make it write.
func (m *nodesModel) tryOn(t *rapid.T, i int, path string, data map[string]any) (*logical.Response, error) {
	t.Helper()
	before := m.storage.written()
	resp, err := m.all()[i].tryWrite(path, data)
	require.Equal(t, before, m.storage.written())
	return resp, err
}

// decryptOn compares a node's answer with the stored entry. A node that has not heard of all changes may apply an older
// minimum, and may open a ciphertext that should no longer open.
func (m *nodesModel) decryptOn(t *rapid.T, i int, made madeByNode) {
	t.Helper()
	resp, err := m.tryOn(t, i, "decrypt/a", body{"ciphertext": made.ciphertext})
	want := m.statusOf(made)
	knows := i == 0 || m.heard[i-1] == m.changes
	switch {
	case err == nil:
		require.Equal(t, made.plaintext, resp.Data["plaintext"])
		require.True(t, want == 200 || want == anyStatus || !knows, "node %d opens it, and must answer %d", i, want)
	case want == 404 && i > 0 && err == logical.ErrReadOnly:
	case knows:
		require.True(t, want == refusal.Status(err) || want == anyStatus, "node %d, %d: %v", i, want, err)
	case want == 200:
		require.Equal(t, 400, refusal.Status(err), "node %d: %v", i, err)
	}
}

// anyStatus is for ciphertexts of KMS with a version that the entry does not know.
const anyStatus = 0

// statusOf returns the status that the node that writes must answer to decrypt.
func (m *nodesModel) statusOf(made madeByNode) int {
	entry, err := loadKey(m.t.Context(), m.storage, "a")
	require.NoError(m.t, err)
	if entry == nil {
		return 404
	}
	if !isMessage(made.ciphertext) {
		return statusOfBlob(entry, made.ciphertext)
	}
	sealed := messageOfText(m.t, made.ciphertext)
	switch {
	case sealed.ID != entry.EnvelopeID, int(sealed.Version) > entry.versions.Newest():
		return 403
	case int(sealed.Version) < entry.oldestToOpen():
		return 400
	default:
		return 200
	}
}

// statusOfBlob returns a key's status for a ciphertext of KMS.
func statusOfBlob(entry *keyEntry, ciphertext string) int {
	_, blob, _ := versions.Split(ciphertext)
	for n := entry.versions.Newest(); n >= entry.versions.First; n-- {
		if row := entry.versions.Row(n); row.KeyVersionID != "" && row.KeyVersionID == versionIDOf(blob) {
			return map[bool]int{true: 200, false: 400}[entry.versions.Opens(row.CMK, row.KeyVersionID, entry.MinDecryption)]
		}
	}
	return anyStatus
}

// agree lets all nodes hear of everything, and compares what they open.
func (m *nodesModel) agree(t *rapid.T) {
	m.clock.later(2 * time.Second)
	for i, other := range m.others {
		other.hears(keyPrefix + "a")
		m.heard[i] = m.changes
	}
	for _, made := range m.made {
		_, want := m.tryOn(t, 0, "decrypt/a", body{"ciphertext": made.ciphertext})
		for i := range m.all() {
			m.decryptOn(t, i, made)
			_, err := m.tryOn(t, i, "decrypt/a", body{"ciphertext": made.ciphertext})
			require.Equal(t, want == nil, err == nil, "node %d: %v, and the first: %v", i, err, want)
		}
	}
}
