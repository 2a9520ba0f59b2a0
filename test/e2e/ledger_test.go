package e2e

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// ledger records what was acknowledged to clients under load, to be compared with the final state. The mutex guards
// all fields.
type ledger struct {
	mu sync.Mutex
	// encryptions are the encryptions that were acknowledged.
	encryptions []encrypted
	// keys has the CMK of every key whose creation was acknowledged.
	keys map[string]string
	// unfinished are keys whose creation failed: they may or may not exist.
	unfinished map[string]bool
	// wrong are responses that must never occur.
	wrong []string
	errs  []error
}

type encrypted struct{ key, plaintext, ciphertext string }

// ask writes to a path of the engine, with a client's strategy for retries.
type ask func(path string, data map[string]any) (*api.Secret, error)

// worker is a client that works under load.
type worker struct {
	*ledger
	ask ask
	// secret is the prefix of every plaintext.
	secret string
	// key is its newest key.
	key string
}

const (
	// firstKey is the key that all workers start with.
	firstKey = "first"
	// keysEvery is the number of encryptions per new key.
	keysEvery = 10
)

// run starts workers that encrypt, decrypt and create keys until finish is called. way returns how each of them asks.
func (l *ledger) run(t *testing.T, way func(number int) ask) (finish func()) {
	t.Helper()
	all := make([]*worker, workers)
	for i := range all {
		all[i] = &worker{ledger: l, ask: way(i), secret: newSecretText(), key: firstKey}
	}
	finish = sync.OnceFunc(load(func(i, round int) { all[i].work(i, round) }))
	t.Cleanup(finish)
	return finish
}

// work is one round: every response is compared with the expected one.
func (w *worker) work(number, round int) {
	if round%keysEvery == 0 {
		w.makeKey(fmt.Sprintf("w%d-%d", number, round), round%(2*keysEvery) == 0)
	}
	plaintext := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s-%d", w.secret, round))
	ciphertext, ok := w.text("encrypt/"+w.key, "ciphertext", map[string]any{"plaintext": plaintext})
	if !ok {
		return
	}
	w.note(func() { w.encryptions = append(w.encryptions, encrypted{w.key, plaintext, ciphertext}) })
	opened, ok := w.text("decrypt/"+w.key, "plaintext", map[string]any{"ciphertext": ciphertext})
	if ok && opened != plaintext {
		w.note(func() { w.wrong = append(w.wrong, "a ciphertext of "+w.key+" decrypts to another plaintext") })
	}
}

func (w *worker) makeKey(name string, isEnvelope bool) {
	var fields map[string]any
	if isEnvelope {
		fields = inEnvelopeMode
	}
	id, ok := w.text("keys/"+name, "key_id", fields)
	w.note(func() {
		if !ok {
			w.unfinished[name] = true
			return
		}
		w.keys[name] = id
		w.key = name
	})
}

// text asks, and returns a required field of the response.
func (w *worker) text(path, field string, data map[string]any) (text string, ok bool) {
	answer, err := w.ask(path, data)
	if err != nil {
		w.note(func() { w.errs = append(w.errs, err) })
		return "", false
	}
	if answer != nil {
		text, _ = answer.Data[field].(string)
	}
	if text == "" {
		w.note(func() { w.wrong = append(w.wrong, path+" is answered without "+field) })
	}
	return text, text != ""
}

func newLedger() *ledger { return &ledger{keys: map[string]string{}, unfinished: map[string]bool{}} }

func (l *ledger) note(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

func (l *ledger) acknowledged() (n int) {
	l.note(func() { n = len(l.encryptions) })
	return n
}

// until waits until n more encryptions were acknowledged.
func (l *ledger) until(t *testing.T, p *servers.Process, n int) {
	t.Helper()
	goal := l.acknowledged() + n
	require.NoError(t, p.Await(func() bool { return l.acknowledged() >= goal }))
}

// opensFor requires that ask can decrypt every acknowledged ciphertext.
func (l *ledger) opensFor(t *testing.T, ask ask) {
	t.Helper()
	require.Empty(t, l.wrong)
	require.NotEmpty(t, l.encryptions)
	require.NoError(t, inParallel(len(l.encryptions), func(i int) error {
		e := l.encryptions[i]
		answer, err := ask("decrypt/"+e.key, map[string]any{"ciphertext": e.ciphertext})
		if err == nil && answer.Data["plaintext"] != e.plaintext {
			err = fmt.Errorf("a ciphertext of %s decrypts to another plaintext", e.key)
		}
		return err
	}))
}

// agreesWith requires that every acknowledged key is unchanged, and that each CMK of the service is registered under
// exactly one name of m: none was lost between the two systems, and none has two names.
func (l *ledger) agreesWith(m *mount, kms *kmsService) {
	m.t.Helper()
	require.NotEmpty(m.t, l.keys)
	registered := m.registered()
	for name, id := range l.keys {
		require.Equal(m.t, id, registered[name], "key %s must stay what it was", name)
	}
	names := map[string][]string{}
	for name, id := range registered {
		names[id] = append(names[id], name)
	}
	for id, several := range names {
		require.Len(m.t, several, 1, "the names of KMS key %s", id)
	}
	orphans := slices.DeleteFunc(kms.cmks(m.t), func(id string) bool { return names[id] != nil })
	require.Empty(m.t, orphans, "KMS keys without a key, apart from %d good ones", len(names))
}

// registered returns the CMKs of all keys by name.
func (m *mount) registered() map[string]string {
	m.t.Helper()
	names := m.list("keys")
	ids := make([]string, len(names))
	require.NoError(m.t, inParallel(len(names), func(i int) error {
		key, err := m.ask(func() (*api.Secret, error) {
			return m.client.Logical().Read(fmt.Sprintf("%s/keys/%s", m.path, names[i]))
		})
		if err == nil {
			ids[i], _ = key.Data["key_id"].(string)
		}
		return err
	}))
	all := map[string]string{}
	for i, name := range names {
		all[name.(string)] = ids[i]
	}
	return all
}

func inParallel(n int, do func(i int) error) error {
	var group errgroup.Group
	group.SetLimit(workers)
	for i := range n {
		group.Go(func() error { return do(i) })
	}
	return group.Wait()
}

// writeUnfinishedAgain writes every key whose creation failed again, as its client would.
func (l *ledger) writeUnfinishedAgain(m *mount) {
	m.t.Helper()
	for name := range l.unfinished {
		m.write("keys/"+name, nil)
	}
}

// failuresAreTheServers requires that no failure is reported as the client's fault.
func (l *ledger) failuresAreTheServers(t *testing.T) {
	t.Helper()
	for _, err := range l.errs {
		var refusal *api.ResponseError
		if errors.As(err, &refusal) { // Otherwise there was no response.
			require.True(t, isServerError(refusal), refusal.Error())
		}
	}
}

func isServerError(refusal *api.ResponseError) bool {
	return refusal.StatusCode >= http.StatusInternalServerError
}
