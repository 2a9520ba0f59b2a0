package seal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/openbao/go-kms-wrapping/v2"
)

// Type is what [Wrapper.Type] returns. Servers store it with sealed data, so it is the type of the wrapper that this
// one replaces.
const Type wrapping.WrapperType = "alicloudkms"

const userAgent = "alicloudkms-seal"

// A Wrapper seals with a CMK. The zero value needs SetConfig first. It is safe for concurrent use, and has no lock.
type Wrapper struct {
	// Clock returns the time. Nil means [time.Now].
	Clock func() time.Time
	// Warn logs a warning, with names and values after the message, like the method of hclog.Logger. Nil drops it.
	Warn func(message string, args ...any)

	connection atomic.Pointer[connection]
}

var (
	_ wrapping.Wrapper       = (*Wrapper)(nil)
	_ wrapping.InitFinalizer = (*Wrapper)(nil)
)

// ErrNotConfigured is returned by methods that need KMS before SetConfig and after Finalize.
var ErrNotConfigured = errors.New("the seal is not configured")

// Type returns [Type].
func (*Wrapper) Type(context.Context) (wrapping.WrapperType, error) { return Type, nil }

// SetConfig reads the configuration and looks for the CMK in KMS. It takes [wrapping.WithConfigMap],
// [wrapping.WithKeyId] and [wrapping.WithDisallowEnvVars]. If it fails, nothing changes. It may be called again:
// running calls continue unaffected.
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
	kms, err := cfg.access.connect(w.Clock)
	if err != nil {
		return nil, err
	}
	c := &connection{config: cfg, kms: kms, warn: w.warn}
	if err := c.findKey(ctx); err != nil {
		kms.Close()
		return nil, err
	}
	return c, nil
}

func (w *Wrapper) warn(message string, args ...any) {
	if w.Warn != nil {
		w.Warn(message, args...)
	}
}

// replace replaces the previous connection with c, which may be nil.
func (w *Wrapper) replace(c *connection) {
	if old := w.connection.Swap(c); old != nil {
		old.kms.Close()
	}
}

// connected returns the current connection.
func (w *Wrapper) connected() (*connection, error) {
	if c := w.connection.Load(); c != nil {
		return c, nil
	}
	return nil, ErrNotConfigured
}

// KeyId returns the id of the CMK that encrypted last, or before that, the one that SetConfig found.
func (w *Wrapper) KeyId(ctx context.Context) (string, error) {
	c, err := w.connected()
	if err != nil {
		return "", err
	}
	return c.keyID(ctx)
}

// Init only checks that SetConfig has succeeded.
func (w *Wrapper) Init(context.Context, ...wrapping.Option) error {
	_, err := w.connected()
	return err
}

// Finalize closes idle connections and forgets the configuration. It may be called more than once.
func (w *Wrapper) Finalize(context.Context, ...wrapping.Option) error {
	w.replace(nil)
	return nil
}

// Format prints the type of the wrapper, for every verb.
func (w *Wrapper) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "seal "+string(Type)) }
