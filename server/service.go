package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/audit"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/replay"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/wrapping"
)

// Service answers requests. It is an [http.Handler] and safe for parallel use; nothing in it changes after it is made,
// except what store, nonce memory, rate limiters and metrics keep, and the access keys, which are replaced as a whole.
type Service struct {
	store         store.Store
	keys          *keyring.Keyring
	nonces        *replay.Memory
	wrappingKeys  *wrapping.Pool
	audit         *audit.Log
	credentials   atomic.Pointer[map[string]credential]
	quotas        Quotas
	rates         *rateLimiters
	metrics       *metrics
	regions       map[string]bool
	endpoints     map[string]string
	defaultRegion string
	window        time.Duration
	maxBytes      int
	clock         func() time.Time
	rand          io.Reader
	log           *slog.Logger
}

// Options are what a service gets from its surroundings. Every field may be left out.
type Options struct {
	// Logger takes diagnostics; nil discards them.
	Logger *slog.Logger
	// Clock tells the time; nil is [time.Now].
	Clock func() time.Time
	// Rand gives key material and nonces; nil is crypto/rand.
	Rand io.Reader

	// timeouts are the usual ones, unless a test sets others.
	timeouts timeouts
	// commit is [store.Options.Commit]. Tests set it, to make commits fail.
	commit func(updates int, commit func() error) error
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.timeouts == (timeouts{}) {
		o.timeouts = usualTimeouts
	}
	return o
}

// openService opens everything that c names and checks that it fits together.
func openService(ctx context.Context, c Config, o Options) (_ *Service, err error) {
	credentials, err := loadCredentials(c.Accounts)
	if err != nil {
		return nil, err
	}
	root, err := crypt.LoadRootKey(c.RootKey.File)
	if err != nil {
		return nil, err
	}
	window, err := c.Limits.timestampWindow()
	if err != nil {
		return nil, err
	}
	limits := c.Limits.withDefaults()
	s := &Service{
		quotas: c.Quotas.withDefaults(), rates: newRateLimiters(c.RateLimits), metrics: newMetrics(),
		regions: c.regionSet(), endpoints: regionsByEndpoint(), defaultRegion: c.defaultRegion(),
		window: window, maxBytes: limits.MaxRequestBytes, clock: o.Clock, rand: o.Rand, log: o.Logger,
	}
	s.credentials.Store(&credentials)
	s.wrappingKeys = wrapping.NewPool(wrapping.Generate)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	opened, err := bolt.Open(c.Storage.Path, store.Options{Logger: o.Logger, Commit: o.commit})
	if err != nil {
		return nil, err
	}
	s.store = opened
	var fresh bool
	s.keys, fresh, err = keyring.Open(ctx, opened, root, keyring.Options{Logger: o.Logger, Rand: o.Rand})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Storage.Path, err)
	}
	if s.nonces, err = s.openNonces(ctx, limits.MaxNonces, fresh); err != nil {
		return nil, err
	}
	if s.audit, err = openAudit(c.Audit); err != nil {
		return nil, err
	}
	return s, nil
}

func openAudit(c *AuditConfig) (*audit.Log, error) {
	if c == nil {
		return audit.Discard(), nil
	}
	return audit.Open(c.File)
}

// close closes what is open.
func (s *Service) close() error {
	s.wrappingKeys.Close()
	var errs []error
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.audit != nil {
		errs = append(errs, s.audit.Close())
	}
	return errors.Join(errs...)
}

// refusal turns any error into one that a caller may see. An error that is not KMS's own is logged, and the caller gets a
// failure without detail.
func (s *Service) refusal(requestID string, err error) *kmsapi.Error {
	var refused *kmsapi.Error
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.Is(err, store.ErrReadOnly), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		s.log.Error("request not served", "request_id", requestID, "error", err)
		return kmsapi.ErrServiceUnavailable
	default:
		s.log.Error("request failed", "request_id", requestID, "error", err)
		return kmsapi.ErrInternalFailure
	}
}
