package alicloudkms

import (
	"encoding/base64"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/budget"
)

// wholeMessage is the base64 of the longest plaintext.
var wholeMessage = sync.OnceValue(func() string { return base64.StdEncoding.EncodeToString(make([]byte, maxMessage)) })

// fill sends equal requests, each of which calls KMS and waits there, until one is refused for lack of room. It returns
// how many were admitted, and the function that lets them end.
func (r *rig) fill(path string, data body) (inside int, end func()) {
	r.t.Helper()
	asked, goOn := r.held()
	ended := make(chan error, 1000)
	for {
		go func() { _, err := r.tryWrite(path, data); ended <- err }()
		select {
		case <-asked:
			inside++
		case err := <-ended:
			refused(r.t, err, 429, "no room", "64 MiB in a mount", "256 MiB in a process", "try again")
			return inside, func() {
				r.t.Helper()
				goOn()
				for range inside {
					require.NoError(r.t, <-ended)
				}
				r.kms.before = nil
			}
		}
	}
}

// isEmpty requires that no memory for large requests is taken.
func (r *rig) isEmpty() {
	r.t.Helper()
	give, ok := r.backend().batches.Take(r.backend().batches.Size())
	require.True(r.t, ok)
	give()
}

func TestLargeMessagesAtWorkAreBoundedPerMount(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	r.write("config", body{"cache_ttl": 0})
	large := body{"plaintext": wholeMessage()}
	ciphertext := r.encrypt("a", wholeMessage())
	for name, test := range map[string]struct {
		path         string
		data         body
		room, inside int
	}{
		"encrypt, of all that a mount has": {"encrypt/a", large, maxMountBatches, 11},
		"decrypt":                          {"decrypt/a", body{"ciphertext": ciphertext}, 20 << 20, 3},
		"rewrap":                           {"rewrap/a", body{"ciphertext": ciphertext}, 20 << 20, 3},
		"batches":                          {"encrypt/a", body{"batch_input": []any{large, large}}, 25 << 20, 2},
	} {
		t.Run(name, func(t *testing.T) {
			r.backend().batches = budget.New(int64(test.room), r.backend().process.batches)
			inside, end := r.fill(test.path, test.data)
			require.Equal(t, test.inside, inside)
			_, err := r.tryWrite("encrypt/a", body{"batch_input": []any{large, large}})
			refused(t, err, 429)
			end()
			r.isEmpty()
			r.write("encrypt/a", large)
		})
	}
}

func TestLargeMessagesThatFailGiveTheirRoomBack(t *testing.T) {
	r := newEnvelopeRig(t, "a", "b")
	foreign := r.encrypt("b", wholeMessage())
	for path, data := range map[string]body{
		"decrypt/a":      {"ciphertext": foreign},
		"rewrap/a":       {"ciphertext": foreign[:len(foreign)-4]},
		"encrypt/a":      {"plaintext": wholeMessage()[1:]},
		"encrypt/b":      {"plaintext": wholeMessage(), "key_version": 9},
		"encrypt/nobody": {"plaintext": wholeMessage()},
	} {
		_, err := r.tryWrite(path, data)
		require.Error(t, err)
		r.isEmpty()
	}
	_, err := r.tryWrite("encrypt/a", body{"batch_input": []any{object("plaintext", wholeMessage()+wholeMessage())}})
	require.NoError(t, err, "the item alone fails")
	r.isEmpty()
}

func TestLargeMessagesAtWorkAreBoundedPerProcess(t *testing.T) {
	mounts := []*rig{newEnvelopeRig(t, "a")}
	for range 4 {
		mounts = append(mounts, mounts[0].mountedAgain("a"))
	}
	asked, goOn := mounts[0].held()
	ended := make(chan error, 10)
	// The reference takes nearly all the memory that a mount may have.
	batch := body{"batch_input": []any{object("plaintext", hello, "reference", strings.Repeat("r", 60<<20))}}
	for _, mount := range mounts[:4] {
		go func() { _, err := mount.tryWrite("encrypt/a", batch); ended <- err }()
		<-asked
	}
	last := mounts[4]
	_, err := last.tryWrite("encrypt/a", batch)
	refused(t, err, 429, "256 MiB in a process")
	go func() { _, err := last.tryWrite("encrypt/a", body{"plaintext": wholeMessage()}); ended <- err }()
	<-asked
	goOn()
	for range 5 {
		require.NoError(t, <-ended)
	}
	last.write("encrypt/a", batch)
}

// mountedAgain returns another mount of the same process, with its own storage.
func (r *rig) mountedAgain(names ...string) *rig {
	r.t.Helper()
	other := *r
	other.storage = &countingStorage{}
	conf := logical.TestBackendConfig()
	conf.System, conf.StorageView, conf.Logger = logical.TestSystemView(), other.storage, r.logger()
	b, err := newBackend(r.t.Context(), conf, r.backend().process)
	require.NoError(r.t, err)
	other.b = b
	other.write("config", goodConfig())
	for _, name := range names {
		other.write("keys/"+name, body{"encryption": "envelope"})
	}
	return &other
}
