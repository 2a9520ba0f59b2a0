package alicloudkms

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"sync"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// fakeKMS is one account's KMS in memory, which counts calls, and fails or waits when a test says so. It keeps the rules of
// the reference that the engine relies on; the scenario test runs the same engine on the real service.
type fakeKMS struct {
	// before is called for every operation, without the lock; an error is what the operation answers.
	before func(context.Context, kmsapi.Request) error

	mu     sync.Mutex // guards all below
	keys   map[string]*kmsapi.KeyMetadata
	calls  map[kmsapi.Operation]int
	last   kmsapi.Request
	opened []client.Config
	closed int
}

func newFakeKMS() *fakeKMS {
	return &fakeKMS{keys: map[string]*kmsapi.KeyMetadata{}, calls: map[kmsapi.Operation]int{}}
}

// fakeClient is one client of a fakeKMS.
type fakeClient struct{ *fakeKMS }

// open stands in for openClient, and checks what the client checks.
func (f *fakeKMS) open(c client.Config) (kms, error) {
	checked, err := client.New(c)
	if err != nil {
		return nil, err
	}
	checked.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opened = append(f.opened, c)
	return fakeClient{f}, nil
}

func (f fakeClient) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
}

func (f *fakeKMS) count(op kmsapi.Operation) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[op]
}

func (f *fakeKMS) total() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, calls := range f.calls {
		n += calls
	}
	return n
}

// forget removes a CMK, as KMS does when its deletion date has come.
func (f *fakeKMS) forget(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.keys, id)
}

// begin counts an operation and takes the lock unless it fails.
func (f *fakeKMS) begin(ctx context.Context, r kmsapi.Request) (done func(), err error) {
	f.mu.Lock()
	f.calls[r.Operation()]++
	f.last = r
	f.mu.Unlock()
	if f.before != nil {
		if err := f.before(ctx, r); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	return f.mu.Unlock, nil
}

// usable returns the key called id, if it is in one of the states.
func (f *fakeKMS) usable(id string, states ...kmsapi.KeyState) (*kmsapi.KeyMetadata, error) {
	refusals := map[kmsapi.KeyState]*kmsapi.Error{
		kmsapi.Enabled:         kmsapi.ErrRejectedEnabled,
		kmsapi.Disabled:        kmsapi.ErrRejectedDisabled,
		kmsapi.PendingDeletion: kmsapi.ErrRejectedPendingDeletion,
		kmsapi.PendingImport:   kmsapi.ErrRejectedPendingImport,
	}
	key := f.keys[id]
	if key == nil {
		return nil, withID(kmsapi.ErrKeyNotFound)
	}
	for _, state := range states {
		if key.KeyState == state {
			return key, nil
		}
	}
	return nil, withID(refusals[key.KeyState])
}

func withID(e *kmsapi.Error) *kmsapi.Error {
	refusal := *e
	refusal.RequestID = "request-1"
	return &refusal
}

var reply = kmsapi.Reply{RequestId: "request-1"}

func (f *fakeKMS) CreateKey(ctx context.Context, r *kmsapi.CreateKeyRequest) (*kmsapi.CreateKeyResponse, error) {
	done, err := f.begin(ctx, r)
	if err != nil {
		return nil, err
	}
	defer done()
	key := &kmsapi.KeyMetadata{
		KeyId: fmt.Sprintf("cmk-%d", len(f.keys)+1), KeyState: kmsapi.Enabled, Description: r.Description,
		Origin: r.Origin, ProtectionLevel: r.ProtectionLevel, CreationDate: "2026-01-02T03:04:05Z",
	}
	f.keys[key.KeyId] = key
	return &kmsapi.CreateKeyResponse{Reply: reply, KeyMetadata: *key}, nil
}

func (f *fakeKMS) DescribeKey(ctx context.Context, r *kmsapi.DescribeKeyRequest) (*kmsapi.DescribeKeyResponse, error) {
	done, err := f.begin(ctx, r)
	if err != nil {
		return nil, err
	}
	defer done()
	key, err := f.usable(r.KeyId, kmsapi.Enabled, kmsapi.Disabled, kmsapi.PendingDeletion, kmsapi.PendingImport)
	if err != nil {
		return nil, err
	}
	return &kmsapi.DescribeKeyResponse{Reply: reply, KeyMetadata: *key}, nil
}

// move changes a key's state.
func (f *fakeKMS) move(ctx context.Context, r kmsapi.Request, id string, to kmsapi.KeyState, from ...kmsapi.KeyState) error {
	done, err := f.begin(ctx, r)
	if err != nil {
		return err
	}
	defer done()
	key, err := f.usable(id, from...)
	if err != nil {
		return err
	}
	key.KeyState = to
	return nil
}

func (f *fakeKMS) EnableKey(ctx context.Context, r *kmsapi.EnableKeyRequest) (*kmsapi.EnableKeyResponse, error) {
	return &kmsapi.EnableKeyResponse{Reply: reply}, f.move(ctx, r, r.KeyId, kmsapi.Enabled, kmsapi.Enabled, kmsapi.Disabled)
}

func (f *fakeKMS) DisableKey(ctx context.Context, r *kmsapi.DisableKeyRequest) (*kmsapi.DisableKeyResponse, error) {
	return &kmsapi.DisableKeyResponse{Reply: reply}, f.move(ctx, r, r.KeyId, kmsapi.Disabled, kmsapi.Enabled, kmsapi.Disabled)
}

func (f *fakeKMS) ScheduleKeyDeletion(ctx context.Context, r *kmsapi.ScheduleKeyDeletionRequest) (*kmsapi.ScheduleKeyDeletionResponse, error) {
	return &kmsapi.ScheduleKeyDeletionResponse{Reply: reply}, f.move(ctx, r, r.KeyId, kmsapi.PendingDeletion, kmsapi.Enabled, kmsapi.Disabled, kmsapi.PendingImport)
}

func (f *fakeKMS) CancelKeyDeletion(ctx context.Context, r *kmsapi.CancelKeyDeletionRequest) (*kmsapi.CancelKeyDeletionResponse, error) {
	return &kmsapi.CancelKeyDeletionResponse{Reply: reply}, f.move(ctx, r, r.KeyId, kmsapi.Enabled, kmsapi.PendingDeletion)
}

// fakeBlob is what is in a ciphertext of the fake.
type fakeBlob struct {
	Key     string
	Text    []byte
	Context map[string]string
}

func (f *fakeKMS) seal(id, text string, context kmsapi.EncryptionContext) string {
	hidden := []byte(text)
	for i := range hidden {
		hidden[i] ^= 0xA5
	}
	blob, _ := json.Marshal(fakeBlob{id, hidden, context})
	return base64.StdEncoding.EncodeToString(blob)
}

func (f *fakeKMS) Encrypt(ctx context.Context, r *kmsapi.EncryptRequest) (*kmsapi.EncryptResponse, error) {
	done, err := f.begin(ctx, r)
	if err != nil {
		return nil, err
	}
	defer done()
	if _, err := f.usable(r.KeyId, kmsapi.Enabled); err != nil {
		return nil, err
	}
	return &kmsapi.EncryptResponse{Reply: reply, KeyId: r.KeyId, CiphertextBlob: f.seal(r.KeyId, r.Plaintext.Reveal(), r.EncryptionContext)}, nil
}

func (f *fakeKMS) Decrypt(ctx context.Context, r *kmsapi.DecryptRequest) (*kmsapi.DecryptResponse, error) {
	done, err := f.begin(ctx, r)
	if err != nil {
		return nil, err
	}
	defer done()
	var blob fakeBlob
	data, err := base64.StdEncoding.DecodeString(r.CiphertextBlob)
	if err != nil || json.Unmarshal(data, &blob) != nil || !maps.Equal(blob.Context, r.EncryptionContext) {
		return nil, withID(kmsapi.InvalidParameter("CiphertextBlob", ""))
	}
	if _, err := f.usable(blob.Key, kmsapi.Enabled); err != nil {
		return nil, err
	}
	for i := range blob.Text {
		blob.Text[i] ^= 0xA5
	}
	return &kmsapi.DecryptResponse{Reply: reply, KeyId: blob.Key, Plaintext: kmsapi.NewSecret(string(blob.Text))}, nil
}

func (f *fakeKMS) GenerateDataKey(ctx context.Context, r *kmsapi.GenerateDataKeyRequest) (*kmsapi.GenerateDataKeyResponse, error) {
	done, err := f.begin(ctx, r)
	if err != nil {
		return nil, err
	}
	defer done()
	if _, err := f.usable(r.KeyId, kmsapi.Enabled); err != nil {
		return nil, err
	}
	random := make([]byte, r.NumberOfBytes)
	for i := range random {
		random[i] = byte(i*7 + 3)
	}
	text := base64.StdEncoding.EncodeToString(random)
	return &kmsapi.GenerateDataKeyResponse{
		Reply: reply, KeyId: r.KeyId, Plaintext: kmsapi.NewSecret(text), CiphertextBlob: f.seal(r.KeyId, text, r.EncryptionContext),
	}, nil
}

func (f *fakeKMS) DescribeRegions(ctx context.Context, r *kmsapi.DescribeRegionsRequest) (*kmsapi.DescribeRegionsResponse, error) {
	done, err := f.begin(ctx, r)
	if err != nil {
		return nil, err
	}
	defer done()
	return &kmsapi.DescribeRegionsResponse{Reply: reply}, nil
}
