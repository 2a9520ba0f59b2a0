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

// ledger is what clients were told under load, to be compared with what is true afterwards. The mutex guards all.
type ledger struct {
	mu sync.Mutex
	// texts are acknowledged encryptions.
	texts []encrypted
	// keys holds the CMK of every key whose making was acknowledged.
	keys map[string]string
	// unfinished are keys whose making failed: nobody knows whether they were made.
	unfinished map[string]bool
	// wrong are answers that must never be given.
	wrong []string
	errs  []error
}

type encrypted struct{ key, plaintext, ciphertext string }

// ask writes to a path of the engine, as one of the ways that a client may go about it.
type ask func(path string, data map[string]any) (*api.Secret, error)

// worker is a client that works under load.
type worker struct {
	*ledger
	ask ask
	// secret begins every plaintext.
	secret string
	// key is the newest key that it has.
	key string
}

const (
	// firstKey is the key that all workers begin with.
	firstKey = "first"
	// keysEvery is how many encryptions there are for each new key.
	keysEvery = 10
)

// run starts workers that encrypt, decrypt and make keys until finish is called. way gives each its way to ask.
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

// work is one round: every answer is compared with what it must be.
func (w *worker) work(number, round int) {
	if round%keysEvery == 0 {
		w.makeKey(fmt.Sprintf("w%d-%d", number, round))
	}
	plaintext := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s-%d", w.secret, round))
	ciphertext, ok := w.text("encrypt/"+w.key, "ciphertext", map[string]any{"plaintext": plaintext})
	if !ok {
		return
	}
	w.note(func() { w.texts = append(w.texts, encrypted{w.key, plaintext, ciphertext}) })
	if opened, ok := w.text("decrypt/"+w.key, "plaintext", map[string]any{"ciphertext": ciphertext}); ok && opened != plaintext {
		w.note(func() { w.wrong = append(w.wrong, "a ciphertext of "+w.key+" opens to another text") })
	}
}

func (w *worker) makeKey(name string) {
	id, ok := w.text("keys/"+name, "key_id", nil)
	w.note(func() {
		if !ok {
			w.unfinished[name] = true
			return
		}
		w.keys[name] = id
		w.key = name
	})
}

// text asks, and returns a field of the answer that must be there.
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
	l.note(func() { n = len(l.texts) })
	return n
}

// until waits until n encryptions more were acknowledged.
func (l *ledger) until(t *testing.T, p *servers.Process, n int) {
	t.Helper()
	goal := l.acknowledged() + n
	require.NoError(t, p.Await(func() bool { return l.acknowledged() >= goal }))
}

// opensFor wants every acknowledged ciphertext to open for who asks.
func (l *ledger) opensFor(t *testing.T, ask ask) {
	t.Helper()
	require.Empty(t, l.wrong)
	require.NotEmpty(t, l.texts)
	require.NoError(t, inParallel(len(l.texts), func(i int) error {
		e := l.texts[i]
		answer, err := ask("decrypt/"+e.key, map[string]any{"ciphertext": e.ciphertext})
		if err == nil && answer.Data["plaintext"] != e.plaintext {
			err = fmt.Errorf("a ciphertext of %s opens to another text", e.key)
		}
		return err
	}))
}

// agreesWith wants every acknowledged key to be what it was, and each CMK of the service to be registered under exactly
// one name of m: none was forgotten between the two systems, and no name was given twice.
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
		require.Len(m.t, several, 1, "the names of CMK %s", id)
	}
	orphans := slices.DeleteFunc(kms.cmks(m.t), func(id string) bool { return names[id] != nil })
	require.Empty(m.t, orphans, "CMKs that no key is registered for, beside %d in order", len(names))
}

// registered are the CMKs of all keys by name.
func (m *mount) registered() map[string]string {
	m.t.Helper()
	names := m.list("keys")
	ids := make([]string, len(names))
	require.NoError(m.t, inParallel(len(names), func(i int) error {
		key, err := m.client.Logical().Read(fmt.Sprintf("%s/keys/%s", m.path, names[i]))
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

// writeUnfinishedAgain writes every key whose making failed, as its client would.
func (l *ledger) writeUnfinishedAgain(m *mount) {
	m.t.Helper()
	for name := range l.unfinished {
		m.write("keys/"+name, nil)
	}
}

// failuresAreTheServers wants no request to be blamed on its client.
func (l *ledger) failuresAreTheServers(t *testing.T) {
	t.Helper()
	for _, err := range l.errs {
		var refusal *api.ResponseError
		if errors.As(err, &refusal) { // Otherwise there was no answer.
			require.True(t, isServerError(refusal), refusal.Error())
		}
	}
}

func isServerError(refusal *api.ResponseError) bool {
	return refusal.StatusCode >= http.StatusInternalServerError
}
