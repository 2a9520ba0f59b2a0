package alicloudkms

import (
	"crypto/rand"
	"encoding/base64"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// answeredTexts are ciphertexts that requests were answered with, and their plaintexts.
type answeredTexts struct {
	mu   sync.Mutex // guards made
	made map[string]string
}

// fewTexts is a number of ciphertexts too low to show anything.
const fewTexts = 20

func (a *answeredTexts) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.made)
}

func (a *answeredTexts) add(ciphertext, plaintext string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.made[ciphertext] = plaintext
}

// use encrypts, decrypts and rewraps batches on a node until stop is closed. If mayFail is false, nothing may fail.
func (a *answeredTexts) use(r *rig, stop <-chan struct{}, mayFail bool) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		var items []any
		for range 5 {
			plaintext := base64.StdEncoding.EncodeToString([]byte(rand.Text()))
			items = append(items, object("plaintext", plaintext, "reference", plaintext))
		}
		if items = a.note(r.inPassing("encrypt/a", items, mayFail)); len(items) == 0 {
			continue
		}
		for _, result := range r.inPassing("decrypt/a", items, mayFail) {
			if got, ok := result["plaintext"]; ok && got != result["reference"] {
				r.t.Error("a wrong plaintext")
			}
		}
		a.note(r.inPassing("rewrap/a", items, mayFail))
	}
}

// note keeps the ciphertexts of a batch, whose references are the plaintexts, and returns them as items.
func (a *answeredTexts) note(results []map[string]any) (items []any) {
	for _, result := range results {
		if ciphertext, ok := result["ciphertext"].(string); ok {
			a.add(ciphertext, result["reference"].(string))
			items = append(items, object("ciphertext", ciphertext, "reference", result["reference"]))
		}
	}
	return items
}

// inPassing is batch for use in a goroutine.
func (r *rig) inPassing(path string, items []any, mayFail bool) []map[string]any {
	resp, err := r.tryWrite(path, body{"batch_input": items})
	if err != nil {
		if !mayFail {
			r.t.Error(path, err)
		}
		return nil
	}
	results := resultsOf(r.t, resp)
	for _, result := range results {
		if failed, ok := result["error"]; ok && !mayFail {
			r.t.Error(path, failed)
		}
	}
	return results
}

// Every ciphertext that was answered while a key changes, on three nodes, opens afterwards.
func TestWhatIsAnsweredWhileAKeyChangesOpensAfterwards(t *testing.T) {
	for name, test := range map[string]struct {
		changes []func(r *rig)
		mayFail bool
	}{
		"it is rotated and changes its mode": {changes: []func(r *rig){
			func(r *rig) { r.write("keys/a/rotate", nil) },
			func(r *rig) { r.write("keys/a/config", body{"encryption": "direct"}) },
			func(r *rig) { r.write("keys/a/rotate", nil) },
			func(r *rig) { r.write("keys/a/config", body{"encryption": "envelope"}) },
			func(r *rig) { r.write("keys/a/rotate", body{"new_cmk": true}) },
			func(r *rig) { r.patch("config", body{"max_retries": 2}) },
		}},
		"it is disabled and enabled": {changes: []func(r *rig){
			func(r *rig) { r.write("keys/a/disable", nil) },
			func(r *rig) { r.write("keys/a/enable", nil) },
		}, mayFail: true},
		"it is deregistered and registered": {changes: []func(r *rig){
			func(r *rig) {
				id := r.write("keys/a/deregister", nil).Data["key_id"]
				r.write("keys/a/register", body{"key_id": id})
				r.write("keys/a/config", body{"encryption": "envelope"})
			},
		}, mayFail: true},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNodes(t, "a")
			texts := &answeredTexts{made: map[string]string{}}
			stop := make(chan struct{})
			var users sync.WaitGroup
			for _, node := range append(n.all(), n.rig) {
				users.Go(func() { texts.use(node, stop, test.mayFail) })
			}
			for times := 0; times < 2 || times < 1000 && texts.count() <= fewTexts; times++ {
				for _, change := range test.changes {
					change(n.rig)
					n.others[0].hears(keyPrefix + "a") // The other node never hears.
				}
			}
			close(stop)
			users.Wait()
			texts.openFor(n.rig)
		})
	}
}

// openFor requires that all of them open, except those with an envelope id that the key no longer has.
func (a *answeredTexts) openFor(r *rig) {
	r.t.Helper()
	require.Greater(r.t, len(a.made), fewTexts)
	var items []any
	for ciphertext := range a.made {
		items = append(items, object("ciphertext", ciphertext, "reference", ciphertext))
	}
	id := r.entry("a").EnvelopeID
	for batch := range slices.Chunk(items, maxBatch) {
		_, results := r.batch("decrypt/a", batch)
		for _, result := range results {
			ciphertext := result["reference"].(string)
			if isMessage(ciphertext) && messageOfText(r.t, ciphertext).ID != id {
				require.Contains(r.t, result["error"], "was not made by this key")
				continue
			}
			require.Equal(r.t, a.made[ciphertext], result["plaintext"], result["error"])
		}
	}
}
