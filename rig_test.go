package alicloudkms

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/testlog"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const hello = "aGVsbG8=" // base64 of "hello"

// A body holds the fields of a request or of an answer.
type body = map[string]any

// A rig is an engine with everything around it.
type rig struct {
	t       *testing.T
	b       logical.Backend
	kms     *watchedKMS
	storage *countingStorage
	log     *testlog.Buffer
}

// newRig makes an engine on a watched KMS. It is not configured yet.
func newRig(t *testing.T) *rig {
	t.Helper()
	return newRigOn(t, newWatchedKMS(t))
}

func newRigOn(t *testing.T, service *watchedKMS) *rig {
	t.Helper()
	r := &rig{t: t, kms: service, storage: &countingStorage{}, log: &testlog.Buffer{}}
	conf := logical.TestBackendConfig()
	view := logical.TestSystemView()
	view.PluginEnvironment = &logical.PluginEnvironment{VaultVersion: "1.21.1"}
	conf.System, conf.StorageView = view, r.storage
	conf.Logger = r.logger()
	b, err := newBackend(t.Context(), conf, r.process())
	require.NoError(t, err)
	r.b = b
	return r
}

// process returns a new plugin process on the rig's KMS.
func (r *rig) process() *process { return unhurried(newProcess(r.kms.open)) }

// unhurried lets a process take its time, since a busy machine may stop a test for seconds: its clock stands still
// unless the test moves it, so that nothing that it remembers gets too old meanwhile, and nobody loses patience.
func unhurried(p *process) *process {
	now := time.Now()
	p.now = func() time.Time { return now }
	p.patience, p.completeTimeout, p.healthTimeout = time.Minute, time.Minute, time.Minute
	return p
}

// newKeyRig makes a configured engine with the keys called names.
func newKeyRig(t *testing.T, names ...string) *rig {
	t.Helper()
	r := newRig(t)
	r.write("config", goodConfig())
	for _, name := range names {
		r.write("keys/"+name, nil)
	}
	return r
}

func goodConfig() map[string]any {
	return body{"region": "cn-hangzhou", "access_key": "LTAIgood", "secret_key": "good-secret"}
}

func with(data map[string]any, more map[string]any) map[string]any {
	all := maps.Clone(data)
	maps.Copy(all, more)
	return all
}

func (r *rig) logger() hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: r.log})
}

func (r *rig) backend() *backend { return r.b.(*backend) }

func (r *rig) request(op logical.Operation, path string, data map[string]any) *logical.Request {
	return &logical.Request{Operation: op, Path: path, Data: data, Storage: r.storage, MountPoint: "kms/"}
}

// try sends a request as Vault does.
func (r *rig) try(op logical.Operation, path string, data map[string]any) (*logical.Response, error) {
	return r.tryIn(r.t.Context(), op, path, data)
}

func (r *rig) tryIn(
	ctx context.Context, op logical.Operation, path string, data map[string]any,
) (*logical.Response, error) {
	return r.b.HandleRequest(ctx, r.request(op, path, data))
}

func (r *rig) tryWrite(path string, data map[string]any) (*logical.Response, error) {
	return r.try(logical.UpdateOperation, path, data)
}

// do sends a request that must succeed.
func (r *rig) do(op logical.Operation, path string, data map[string]any) *logical.Response {
	r.t.Helper()
	resp, err := r.try(op, path, data)
	require.NoError(r.t, err)
	require.False(r.t, resp.IsError())
	return resp
}

func (r *rig) write(path string, data map[string]any) *logical.Response {
	r.t.Helper()
	return r.do(logical.UpdateOperation, path, data)
}

func (r *rig) read(path string) *logical.Response {
	r.t.Helper()
	return r.do(logical.ReadOperation, path, nil)
}

func (r *rig) list(path string, query map[string]any) *logical.Response {
	r.t.Helper()
	return r.do(logical.ListOperation, path+"/", query)
}

func (r *rig) remove(path string, query map[string]any) *logical.Response {
	r.t.Helper()
	return r.do(logical.DeleteOperation, path, query)
}

// later lets a time pass by the engine's clock.
func (r *rig) later(span time.Duration) {
	now := r.backend().process.now
	r.backend().process.now = func() time.Time { return now().Add(span) }
}

// share makes a key called name that shares the CMK of another key.
func (r *rig) share(name, other string) {
	r.t.Helper()
	entry, err := loadKey(r.t.Context(), r.storage, other)
	require.NoError(r.t, err)
	require.NoError(r.t, r.backend().storeKey(r.t.Context(), r.storage, name, entry))
}

// fails makes every call of an operation fail with err.
func (r *rig) fails(op kmsapi.Operation, err error) {
	r.kms.before = func(_ context.Context, q kmsapi.Request) error {
		if q.Operation() == op {
			return err
		}
		return nil
	}
}

// keyID returns the CMK of the key called name.
func (r *rig) keyID(name string) string {
	r.t.Helper()
	entry, err := loadKey(r.t.Context(), r.storage, name)
	require.NoError(r.t, err)
	return entry.KeyID
}

func (r *rig) encrypt(key, plaintext string) string {
	r.t.Helper()
	return r.write("encrypt/"+key, body{"plaintext": plaintext}).Data["ciphertext"].(string)
}

// refused requires a bare coded error, the only kind that Vault understands, with parts in its message.
func refused(t *testing.T, err error, status int, parts ...string) {
	t.Helper()
	require.Error(t, err)
	coded, ok := err.(logical.HTTPCodedError) // Vault answers 500 for a wrapped one.
	require.True(t, ok, "%T: %v", err, err)
	require.Equal(t, status, coded.Code(), err.Error())
	for _, part := range parts {
		require.Contains(t, err.Error(), part)
	}
}

var errStorage = errors.New("the storage is broken")

// countingStorage counts calls, and fails those that a test chooses.
type countingStorage struct {
	logical.InmemStorage

	mu    sync.Mutex // guards the fields below
	calls map[string]int
	// failing is the number of the call that fails, for each kind of call; -1 fails all.
	failing map[string]int
	// onGet is called, without the lock, between the read and its return.
	onGet func(key string)
}

// count records a call, and returns its error if it must fail.
func (s *countingStorage) count(kind string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls == nil {
		s.calls = map[string]int{}
	}
	s.calls[kind]++
	if n := s.failing[kind]; n == s.calls[kind] || n == -1 {
		return errStorage
	}
	return nil
}

// reset sets the counts to zero, and makes the n-th call of a kind fail from now on; kind "" fails none.
func (s *countingStorage) reset(kind string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls, s.failing = map[string]int{}, map[string]int{kind: n}
}

func (s *countingStorage) total() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, calls := range s.calls {
		n += calls
	}
	return n
}

func (s *countingStorage) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	if err := s.count("get"); err != nil {
		return nil, err
	}
	entry, err := s.InmemStorage.Get(ctx, key)
	if s.onGet != nil {
		s.onGet(key)
	}
	return entry, err
}

func (s *countingStorage) Put(ctx context.Context, entry *logical.StorageEntry) error {
	if err := s.count("put"); err != nil {
		return err
	}
	return s.InmemStorage.Put(ctx, entry)
}

func (s *countingStorage) Delete(ctx context.Context, key string) error {
	if err := s.count("delete"); err != nil {
		return err
	}
	return s.InmemStorage.Delete(ctx, key)
}

func (s *countingStorage) List(ctx context.Context, prefix string) ([]string, error) {
	if err := s.count("list"); err != nil {
		return nil, err
	}
	return s.InmemStorage.List(ctx, prefix)
}
