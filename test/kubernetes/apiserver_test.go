package kubernetes

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apiserver/pkg/storage/value"
	"k8s.io/apiserver/pkg/storage/value/encrypt/envelope/kmsv2"
	"k8s.io/kms/pkg/service"
)

// An apiServer does what a kube-apiserver does with a KMS v2 provider, with the parts that kube-apiserver is made of.
// Only the timing is its own, so that a test need not wait for minutes: poll is what kube-apiserver does once a minute.
type apiServer struct {
	t       *testing.T
	name    string
	service service.Service
	value.Transformer
	state atomic.Pointer[kmsv2.State]
	// now is the time by which data keys expire.
	now time.Time
}

const (
	// writeTTL is how long kube-apiserver writes with a seed after the last good status.
	writeTTL = 3 * time.Minute
	// timeout is the timeout of a request. kube-apiserver's default of 3 seconds is too short for a busy machine.
	timeout = time.Minute
)

// newAPIServer starts an API server, which asks for the status once.
func newAPIServer(t *testing.T, p *provider) *apiServer {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	a := &apiServer{t: t, name: t.Name() + p.socket + time.Now().String(), now: time.Now()}
	t.Cleanup(kmsv2.SetNowFuncForTests(a.name, func() time.Time { return a.now }))
	var err error
	a.service, err = kmsv2.NewGRPCService(ctx, "unix://"+p.socket, a.name, timeout)
	require.NoError(t, err)
	a.state.Store(&kmsv2.State{KMSProviderName: a.name})
	a.Transformer = kmsv2.NewEnvelopeTransformer(a.service, a.name, a.current, "apiserver-1")
	return a
}

func (a *apiServer) current() (kmsv2.State, error) {
	state := *a.state.Load()
	if state.Transformer == nil {
		return state, errors.New("there is no data key yet")
	}
	return state, nil
}

var errUnhealthy = errors.New("the provider is not healthy")

// poll does what kube-apiserver does with a status: see rotateDEKOnKeyIDChange in its package encryptionconfig.
func (a *apiServer) poll() error { return a.pollUntil(a.t.Context()) }

// pollUntil is poll that gives up with ctx, as for a provider that does not run.
func (a *apiServer) pollUntil(ctx context.Context) error {
	expires := a.now.Add(writeTTL)
	status, err := a.service.Status(ctx)
	if err != nil {
		return err
	}
	if status.Version != kmsv2.KMSAPIVersionv2 {
		return errUnhealthy
	}
	if _, err := kmsv2.ValidateKeyID(status.KeyID); err != nil {
		return errors.Join(errUnhealthy, errors.New(status.Healthz), err)
	}
	if err := a.follow(status.KeyID, expires); err != nil || status.Healthz != "ok" {
		return errors.Join(errUnhealthy, errors.New(status.Healthz), err)
	}
	return nil
}

// follow keeps the seed if the key id is still its own, and makes another otherwise.
func (a *apiServer) follow(keyID string, expires time.Time) error {
	if state, err := a.current(); err == nil && state.EncryptedObjectKeyID == keyID {
		state.ExpirationTimestamp = expires
		a.state.Store(&state)
		return nil
	}
	const uid = "uid-of-the-test"
	transformer, made, cacheKey, err := kmsv2.GenerateTransformer(a.t.Context(), uid, a.service, true)
	if err != nil {
		return err
	}
	if made.KeyID != keyID {
		return errors.New("status and encrypt name different key ids")
	}
	a.state.Store(&kmsv2.State{
		Transformer:                           transformer,
		EncryptedObjectKeyID:                  made.KeyID,
		EncryptedObjectEncryptedDEKSource:     made.EncryptedDEKSource,
		EncryptedObjectAnnotations:            made.Annotations,
		EncryptedObjectEncryptedDEKSourceType: made.EncryptedDEKSourceType,
		UID:                                   uid,
		ExpirationTimestamp:                   expires,
		CacheKey:                              cacheKey,
		KMSProviderName:                       a.name,
	})
	return nil
}

func (a *apiServer) keyID() string { return a.state.Load().EncryptedObjectKeyID }

// write returns what is stored for an object.
func (a *apiServer) write(path, object string) ([]byte, error) {
	return a.TransformToStorage(a.t.Context(), []byte(object), value.DefaultContext(path))
}

// read returns the object in what is stored, and whether it should be written again.
func (a *apiServer) read(path string, stored []byte) (object string, stale bool, err error) {
	got, stale, err := a.TransformFromStorage(a.t.Context(), stored, value.DefaultContext(path))
	return string(got), stale, err
}
