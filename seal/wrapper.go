package seal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/openbao/go-kms-wrapping/v2"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/credentials"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Type is what [Wrapper.Type] returns. Servers store it with what is sealed, so it is that of the wrapper that was before.
const Type wrapping.WrapperType = "alicloudkms"

const userAgent = "alicloudkms-seal"

// A Wrapper seals with a CMK. The zero value waits for SetConfig. It is safe for use by many goroutines, and holds no lock.
type Wrapper struct {
	// Clock tells the time. Nil means [time.Now].
	Clock func() time.Time

	connection atomic.Pointer[connection]
}

var (
	_ wrapping.Wrapper       = (*Wrapper)(nil)
	_ wrapping.InitFinalizer = (*Wrapper)(nil)
)

// ErrNotConfigured is returned by what needs KMS before SetConfig and after Finalize.
var ErrNotConfigured = errors.New("the seal is not configured")

// A connection is what SetConfig makes. Only current changes.
type connection struct {
	config config
	kms    *client.Client
	// current is the id of the CMK that encrypted last.
	current atomic.Pointer[string]
}

// Type returns [Type].
func (*Wrapper) Type(context.Context) (wrapping.WrapperType, error) { return Type, nil }

// SetConfig reads the configuration and asks KMS for the CMK. It takes [wrapping.WithConfigMap], [wrapping.WithKeyId] and
// [wrapping.WithDisallowEnvVars]. Nothing changes if it fails. It may be called again: calls that are under way go on as before.
func (w *Wrapper) SetConfig(ctx context.Context, options ...wrapping.Option) (*wrapping.WrapperConfig, error) {
	opts, err := wrapping.GetOpts(options...)
	if err != nil {
		return nil, err
	}
	config, err := readConfig(opts)
	if err != nil {
		return nil, err
	}
	c, err := w.connect(ctx, config)
	if err != nil {
		return nil, err
	}
	w.replace(c)
	return &wrapping.WrapperConfig{Metadata: config.metadata()}, nil
}

func (w *Wrapper) connect(ctx context.Context, cfg config) (*connection, error) {
	cfg.client.Clock, cfg.credentials.Clock = w.Clock, w.Clock
	provider, err := credentials.New(cfg.credentials)
	if err != nil {
		return nil, err
	}
	cfg.client.Credentials = provider
	kms, err := client.New(cfg.client)
	if err != nil {
		return nil, err
	}
	c := &connection{config: cfg, kms: kms}
	answer, err := kms.DescribeKey(ctx, &kmsapi.DescribeKeyRequest{KeyId: cfg.keyID})
	if err != nil {
		kms.Close()
		return nil, &Error{Operation: kmsapi.OpDescribeKey, KeyID: cfg.keyID, Err: err}
	}
	c.current.Store(&answer.KeyMetadata.KeyId)
	return c, nil
}

// replace puts c, which may be nil, in the place of what was before.
func (w *Wrapper) replace(c *connection) {
	if old := w.connection.Swap(c); old != nil {
		old.kms.Close()
	}
}

// connected is the connection to use.
func (w *Wrapper) connected() (*connection, error) {
	if c := w.connection.Load(); c != nil {
		return c, nil
	}
	return nil, ErrNotConfigured
}

// KeyId returns the id of the CMK that encrypted last; before that, of the one that SetConfig found.
func (w *Wrapper) KeyId(context.Context) (string, error) {
	c, err := w.connected()
	if err != nil {
		return "", err
	}
	return *c.current.Load(), nil
}

// Init has nothing left to do after SetConfig.
func (w *Wrapper) Init(context.Context, ...wrapping.Option) error {
	_, err := w.connected()
	return err
}

// Finalize closes idle connections and forgets the configuration. It may be called more than once.
func (w *Wrapper) Finalize(context.Context, ...wrapping.Option) error {
	w.replace(nil)
	return nil
}

// Format prints what the wrapper is, for every verb.
func (w *Wrapper) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "seal "+string(Type)) }
