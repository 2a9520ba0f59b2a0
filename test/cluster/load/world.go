package load

import (
	"context"
	"encoding/base64"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/cluster/history"
)

const (
	// requestsOfAWorld and doubtsOfAWorld end a world: a history with many requests that may take effect at any time
	// takes forever to judge.
	requestsOfAWorld = 160
	doubtsOfAWorld   = 6
	// blobsOfAWorld is how many ciphertexts are kept to be decrypted.
	blobsOfAWorld = 6
	// maxVersions is the most that a page lists.
	maxVersions = kmsapi.MaxPageSize
)

// world is the CMKs and aliases that a team works on.
type world struct {
	number        int
	keys, aliases []string

	requests, doubts atomic.Int64

	mu    sync.Mutex
	blobs []blob
}

// blob is a ciphertext with what it must be decrypted to.
type blob struct{ key, ciphertext, plaintext string }

// newWorld creates the CMKs of a world. It returns nil if ctx ends first.
func newWorld(ctx context.Context, c *caller, keys, aliases int) *world {
	w := &world{number: c.recorder.NewWorld()}
	name := fmt.Sprintf("world%d-%x", w.number, c.random.Uint64()) // The worlds of an earlier history have other names.
	for n := range aliases {
		w.aliases = append(w.aliases, fmt.Sprint(kmsapi.AliasPrefix, name, "-", n))
	}
	for attempt := 0; len(w.keys) < keys; attempt++ {
		r := &kmsapi.CreateKeyRequest{Description: fmt.Sprint(name, " attempt ", attempt)}
		e, ok := c.call(ctx, history.Event{World: w.number, Description: r.Description}, r)
		if ok {
			c.recorder.Note(e)
		}
		if ok && e.Outcome == history.Done {
			w.keys = append(w.keys, e.Key)
		} else if !pause(ctx, backoff) {
			return nil
		}
	}
	return w
}

// isSpent reports whether the world has had its time.
func (w *world) isSpent() bool {
	return w.requests.Load() >= requestsOfAWorld || w.doubts.Load() >= doubtsOfAWorld
}

// count counts a request.
func (w *world) count(e history.Event) {
	w.requests.Add(1)
	if e.Outcome == history.Unknown && e.Changes() {
		w.doubts.Add(1)
	}
}

// keep keeps a ciphertext, instead of another if there are enough.
func (c *caller) keep(w *world, b blob) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.blobs) < blobsOfAWorld {
		w.blobs = append(w.blobs, b)
		return
	}
	w.blobs[c.random.IntN(len(w.blobs))] = b
}

func (w *world) kept() []blob {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]blob(nil), w.blobs...)
}

// plaintext returns a new plaintext each time.
func (c *caller) plaintext() string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "caller %d says %x", c.number, c.random.Uint64()))
}
