package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/api"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/gate"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// service connects the packages of a KMS service on an open store. It is safe for concurrent use.
type service struct {
	*host
	// handlers answer the requests of each gateway. They are keyed by the ids of the KMS instances; see
	// [sharedGateway].
	handlers map[string]http.Handler
	api      *api.API
	gate     *gate.Gate
	keys     *keyring.Keyring
	store    store.Store
	// sm says that keys of SM2 and SM4 are served. countedSM is set once [service.warnOfSM] has begun.
	sm        bool
	countedSM atomic.Bool
	// storePath is the path of the store's file, or "" if the store is not in a file.
	storePath string
}

// openService opens the store, the audit log and everything above them. f is the content of the other files that c
// names.
func openService(ctx context.Context, c Config, f files, o Options) (_ *service, err error) {
	h, err := newHost(c, o)
	if err != nil {
		return nil, err
	}
	s := &service{host: h, storePath: c.Storage.Path}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if err := s.openStore(c); err != nil {
		return nil, storeFault(c, err)
	}
	fresh, err := s.openKeys(ctx)
	if err != nil {
		return nil, storeFault(c, err)
	}
	if err := s.openAudit(c); err != nil {
		return nil, err
	}
	mark, err := s.lastMark(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := s.openRooms(ctx, c, f, gate.Options{Fresh: fresh, Mark: mark}, always); err != nil {
		return nil, err
	}
	s.logFloor(time.Second)
	if err := s.markClock(ctx, false); err != nil {
		// A store that takes no writes can still serve reads.
		s.log.Error("the clock could not be written down for the next run", "error", err)
	}
	return s, nil
}

// always is edge.Options.Serving of a service on one machine.
func always() error { return nil }

func (s *service) openStore(c Config) error {
	opened, err := bolt.Open(c.Storage.Path, store.Options{Logger: s.log, Commit: s.options.commit})
	if err != nil {
		return err
	}
	s.store = opened
	if s.options.wrapStore != nil {
		s.store = s.options.wrapStore(opened)
	}
	return nil
}

// openKeys opens the keyring on the store. fresh reports whether the store is new.
func (s *service) openKeys(ctx context.Context) (fresh bool, err error) {
	s.keys, fresh, err = keyring.Open(ctx, s.store, s.root, keyring.Options{Logger: s.log, Rand: s.options.Rand})
	return fresh, err
}

// openRooms opens the packages above the keyring. start has what the gate must know about earlier runs, and serving is
// edge.Options.Serving.
func (s *service) openRooms(
	ctx context.Context, c Config, f files, start gate.Options, serving func() error,
) (err error) {
	s.api, s.sm = s.newAPI(c, f.instances(c)), c.SM
	start.API, start.Config, start.Credentials, start.Nonces = s.api, c, f.credentials, s.keys
	start.Clock, start.Audit, start.Metrics = s.clock, s.audit, s.metrics
	if s.gate, err = gate.Open(ctx, start); err != nil {
		return err
	}
	s.handlers = s.newHandlers(c, serving)
	return nil
}

func (s *service) newAPI(c Config, instances api.Instances) *api.API {
	return api.New(api.Options{
		Keys: s.keys, WrappingKeys: s.wrappingKeys, KeyPairs: s.keyPairs, KeyWait: keyWait, FIPS: c.FIPS, SM: c.SM,
		Quotas: c.Quotas.WithDefaults(), Rotation: c.Rotation.Bounds(), Regions: c.ServedRegions(), Rand: s.options.Rand,
		Instances: instances, StrictDefaultKeys: c.StrictDefaultKeys,
	})
}

// keyWait bounds the wait for a wrapping key, or for a turn to make a key pair, so that an answer can still be written.
const keyWait = writeTimeout * 2 / 3

// isUnavailable reports whether err means that the store takes no writes.
func isUnavailable(err error) bool {
	return errors.Is(err, store.ErrReadOnly) || errors.Is(err, store.ErrUnavailable)
}

// close closes everything that is open, including the host.
func (s *service) close() error {
	s.wrappingKeys.Close()
	var errs []error
	if s.gate != nil && s.store.Err() == nil {
		errs = append(errs, s.markClock(context.Background(), true))
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(append(errs, s.host.close())...)
}

// configure applies the configuration of a reload.
func (s *service) configure(c Config, f files) {
	s.gate.Replace(f.credentials)
	s.gate.SetRates(c)
	s.api.SetQuotas(c.Quotas.WithDefaults())
	s.api.SetRotation(c.Rotation.Bounds())
	s.api.SetInstances(f.instances(c))
}

// awaitFloor sleeps until the second in which this process opened an existing store has passed: requests with that
// timestamp could be replays from an earlier run, so they would be refused. A caller that can't connect yet sends none.
// A later floor does not affect callers whose clocks are right.
func (s *service) awaitFloor() {
	time.Sleep(min(s.gate.Floor().Sub(s.clock()), time.Second))
}

// Sweep stores the clock mark, removes what has expired, and rotates the keys that are due.
func (s *service) Sweep(ctx context.Context) error {
	now := s.clock()
	s.warnOfSM(ctx)
	if err := s.markClock(ctx, false); err != nil {
		return err
	}
	if err := s.keys.Sweep(ctx, now); err != nil {
		return err
	}
	return errors.Join(s.rotate(ctx, now), s.keys.SweepNonces(ctx, now), s.gate.Sweep(ctx))
}

func (s *service) backup(ctx context.Context, w io.Writer) error { return s.store.Backup(ctx, w) }
