package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"

	alicloudkms "github.com/alicloudkms/vault-plugin-secrets-alicloudkms"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

func (s *stage) overheadContests() []contest.Contest {
	return []contest.Contest{{
		Name: "engine: in the plugin, over the KMS round trip", Open: s.openOverhead,
		Figures: []contest.Figure{
			{Measure: contest.P50, Compare: contest.Difference, Target: contest.AtMost(0.4)},
			alone(contest.KMSCalls, contest.AtMost(1)), alone(contest.StorageCalls, contest.AtMost(0)),
		},
	}}
}

// openOverhead runs the engine in this process, so that the time includes neither Vault nor the plugin's transport. The
// peer is a bare call to the same service, with the client that the engine uses.
func (s *stage) openOverhead(ctx context.Context) ([]contest.Side, func() error, error) {
	// A separate service, so that the audit log that is counted stays short.
	kms, err := s.settledKMS(ctx, "overhead")
	if err != nil {
		return nil, nil, err
	}
	keyID, err := kms.createKey(ctx, &kmsapi.CreateKeyRequest{})
	if err != nil {
		return nil, nil, err
	}
	bare, err := kms.Client()
	if err != nil {
		return nil, nil, err
	}
	e, err := openEngine(ctx, kms)
	if err != nil {
		return nil, nil, err
	}
	peer := driven("KMS client", 1, always(func() error {
		_, err := bare.Encrypt(ctx, &kmsapi.EncryptRequest{KeyId: keyID, Plaintext: kmsapi.NewSecret(plaintext)})
		return err
	}))
	end := func() error {
		bare.Close()
		e.backend.Cleanup(ctx)
		return nil
	}
	return []contest.Side{{Name: "ours", Run: e.run}, peer}, end, nil
}

// engine is the secrets engine in this process.
type engine struct {
	backend logical.Backend
	storage countingStorage
	kms     *kmsService
}

func openEngine(ctx context.Context, kms *kmsService) (*engine, error) {
	e := &engine{kms: kms}
	view := logical.TestSystemView()
	view.PluginEnvironment = &logical.PluginEnvironment{VaultVersion: "1.21.1"}
	var err error
	e.backend, err = alicloudkms.Factory(ctx, &logical.BackendConfig{
		Logger: hclog.NewNullLogger(), System: view, StorageView: &e.storage, Config: map[string]string{},
	})
	if err != nil {
		return nil, err
	}
	if err := e.write(ctx, "config", kms.EngineConfig()); err != nil {
		return nil, err
	}
	return e, e.write(ctx, "keys/"+keyName, map[string]any{})
}

func (e *engine) write(ctx context.Context, path string, data map[string]any) error {
	resp, err := e.backend.HandleRequest(ctx, &logical.Request{
		Operation: logical.UpdateOperation, Path: path, Data: data, Storage: &e.storage, MountPoint: "alicloudkms/",
	})
	if err != nil {
		return err
	}
	return resp.Error()
}

// run encrypts and counts the calls: those to KMS by the service's audit log, those to storage by the storage.
func (e *engine) run(ctx context.Context, d time.Duration) (contest.Sample, error) {
	callsBefore, err := e.kms.audited()
	if err != nil {
		return nil, err
	}
	storedBefore := e.storage.calls.Load()
	load, err := contest.Drive(ctx, 1, d, 0, func(int) error {
		return e.write(ctx, "encrypt/"+keyName, map[string]any{"plaintext": plaintext})
	})
	if err != nil {
		return nil, err
	}
	callsAfter, err := e.kms.audited()
	if err != nil {
		return nil, err
	}
	sample, requests := load.Sample(), float64(len(load.Took))
	sample[contest.KMSCalls] = float64(callsAfter-callsBefore) / requests
	sample[contest.StorageCalls] = float64(e.storage.calls.Load()-storedBefore) / requests
	return sample, nil
}

// countingStorage counts the calls to an engine's storage.
type countingStorage struct {
	logical.InmemStorage
	calls atomic.Int64
}

func (s *countingStorage) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	s.calls.Add(1)
	return s.InmemStorage.Get(ctx, key)
}

func (s *countingStorage) Put(ctx context.Context, entry *logical.StorageEntry) error {
	s.calls.Add(1)
	return s.InmemStorage.Put(ctx, entry)
}

func (s *countingStorage) Delete(ctx context.Context, key string) error {
	s.calls.Add(1)
	return s.InmemStorage.Delete(ctx, key)
}

func (s *countingStorage) List(ctx context.Context, prefix string) ([]string, error) {
	s.calls.Add(1)
	return s.InmemStorage.List(ctx, prefix)
}
