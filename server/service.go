package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/api"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/asymmetric"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/audit"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/connlimit"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/gate"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/ops"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/wrapping"
)

// service is the rooms of a KMS service, put together. As a handler it answers requests. It is safe for parallel use.
type service struct {
	// handlers answer the requests of each gateway. They have the ids of the KMS instances; see [sharedGateway].
	handlers     map[string]http.Handler
	api          *api.API
	gate         *gate.Gate
	keys         *keyring.Keyring
	store        store.Store
	wrappingKeys *wrapping.Pool
	keyPairs     *asymmetric.Maker
	audit        *audit.Log
	// audited says that there is an audit log.
	audited bool
	metrics *ops.Metrics
	// storePath is that of the store's file.
	storePath string
	// started is when the service was opened, and version that of its program.
	started time.Time
	version string
	clock   func() time.Time
	log     *slog.Logger
}

// openService opens everything that c names besides f, and checks that it fits together.
func openService(ctx context.Context, c Config, f files, o Options) (_ *service, err error) {
	root, err := loadRootKey(c)
	if err != nil {
		return nil, err
	}
	metrics := ops.NewMetrics(ops.Labels{
		Gateways: gatewayNames(c), NonceRefusals: []string{gate.NonceUsed, gate.NonceTooOld, gate.NonceAhead},
		Bounds: connlimit.Bounds,
	})
	s := &service{
		metrics: metrics, storePath: c.Storage.Path, started: o.Clock(), version: o.Version,
		audited: c.Audit != nil, clock: o.Clock, log: o.Logger,
	}
	s.wrappingKeys, s.keyPairs = newKeyMakers(o)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	fresh, err := s.openKeys(ctx, c, o, root)
	if err != nil {
		return nil, err
	}
	if s.audit, err = openAudit(c.Audit); err != nil {
		return nil, fieldOf(c, "audit", "file").Fault(err)
	}
	s.api = s.newAPI(c, o, f.instances(c))
	mark, err := s.lastMark(ctx, c, o)
	if err != nil {
		return nil, err
	}
	s.gate, err = gate.Open(ctx, gate.Options{
		API: s.api, Config: c, Credentials: f.credentials, Nonces: s.keys, Fresh: fresh, Mark: mark,
		Clock: o.Clock, Audit: s.audit, Metrics: s.metrics,
	})
	if err != nil {
		return nil, err
	}
	s.logFloor()
	if err := s.markClock(ctx, false); err != nil {
		// Reads can be served from a store that takes no writes.
		s.log.Error("the clock could not be written down for the next run", "error", err)
	}
	s.handlers = s.newHandlers(c, o)
	return s, nil
}

func (s *service) openKeys(ctx context.Context, c Config, o Options, root *crypt.RootKey) (fresh bool, err error) {
	opened, err := bolt.Open(c.Storage.Path, store.Options{Logger: o.Logger, Commit: o.commit})
	if err != nil {
		return false, storeFault(c, err)
	}
	s.store = opened
	if o.wrapStore != nil {
		s.store = o.wrapStore(opened)
	}
	s.keys, fresh, err = keyring.Open(ctx, s.store, root, keyring.Options{Logger: o.Logger, Rand: o.Rand})
	return fresh, storeFault(c, err)
}

func (s *service) newAPI(c Config, o Options, instances api.Instances) *api.API {
	return api.New(api.Options{
		Keys: s.keys, WrappingKeys: s.wrappingKeys, KeyPairs: s.keyPairs, KeyWait: keyWait, FIPS: c.FIPS, SM: c.SM,
		Quotas: c.Quotas.WithDefaults(), Rotation: c.Rotation.Bounds(), Regions: c.ServedRegions(), Rand: o.Rand,
		Instances: instances, StrictDefaultKeys: c.StrictDefaultKeys,
	})
}

// keyWait ends the wait for a wrapping key, or for a turn to make a key pair, while an answer can still be written.
const keyWait = writeTimeout * 2 / 3

func openAudit(c *AuditConfig) (*audit.Log, error) {
	if c == nil {
		return audit.Discard(), nil
	}
	return audit.Open(c.File)
}

// isUnavailable reports whether err means that the store takes no writes.
func isUnavailable(err error) bool { return errors.Is(err, store.ErrReadOnly) }

// close closes what is open.
func (s *service) close() error {
	s.wrappingKeys.Close()
	var errs []error
	if s.gate != nil && s.store.Err() == nil {
		errs = append(errs, s.markClock(context.Background(), true))
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.audit != nil {
		errs = append(errs, s.audit.Close())
	}
	return errors.Join(errs...)
}

// awaitFloor sleeps until the second in which this process opened an existing store has passed: requests with that
// timestamp might be replays of an earlier run's, so they would be refused, and a caller that can't connect yet does
// not make any. A floor that is further away does not concern callers whose clocks are right.
func (s *service) awaitFloor() {
	time.Sleep(min(s.gate.Floor().Sub(s.clock()), time.Second))
}

// Sweep writes the clock's mark, removes what time has ended, and rotates the keys that are due.
func (s *service) Sweep(ctx context.Context) error {
	now := s.clock()
	if err := s.markClock(ctx, false); err != nil {
		return err
	}
	if err := s.keys.Sweep(ctx, now); err != nil {
		return err
	}
	return errors.Join(s.rotate(ctx, now), s.keys.SweepNonces(ctx, now), s.gate.Sweep(ctx))
}

func (s *service) backup(ctx context.Context, w io.Writer) error { return s.store.Backup(ctx, w) }
