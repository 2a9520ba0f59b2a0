package main

import (
	"context"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

const (
	// distance is how long a request to KMS, or an answer, is under way where KMS is 10 ms away.
	distance = 5 * time.Millisecond
	// manyDataKeys is how many data keys a key has that was rotated daily for a year.
	manyDataKeys = 365
	// manyCiphertexts is how many ciphertexts of it are decrypted.
	manyCiphertexts = 10_000
)

// farContests measure what a data key saves where calls to KMS take time and are counted.
func (s *stage) farContests() []contest.Contest {
	return []contest.Contest{
		{
			Name: "engine: envelope encrypt with KMS 10 ms away, one caller", Open: s.openFar,
			Figures: []contest.Figure{figure(contest.PerSecond, contest.AtLeast(8))},
		},
		{
			Name: "engine: decrypt 10,000 ciphertexts of 365 data keys, c=16", Open: s.openAged,
			Figures: []contest.Figure{
				alone(contest.AllKMSCalls, contest.AtMost(manyDataKeys)), alone(contest.PerSecond, contest.Target{}),
			},
		},
	}
}

// openFar compares a key with data keys to one without.
func (s *stage) openFar(ctx context.Context) ([]contest.Side, func() error, error) {
	const mount = "far"
	kms, err := s.kms()
	if err != nil {
		return nil, nil, err
	}
	vault, err := s.vault()
	if err != nil {
		return nil, nil, err
	}
	proxy, err := listenFarFrom(kms.Address, distance)
	if err != nil {
		return nil, nil, err
	}
	config := kms.EngineConfig()
	config["endpoint"] = proxy.Addr().String()
	if err := vault.mountEngine(ctx, mount, config); err != nil {
		return nil, proxy.Close, err
	}
	ours, err := vault.post(ctx, mount+"/encrypt/"+envelopeName, zeros(1<<10))
	if err != nil {
		return nil, proxy.Close, err
	}
	peer, err := vault.post(ctx, mount+"/encrypt/"+keyName, zeros(1<<10))
	return []contest.Side{driven("ours", 1, always(ours)), driven("direct", 1, always(peer))}, proxy.Close, err
}

// agedKey is a key that was rotated often, on a KMS service of its own, whose audit log counts the calls.
type agedKey struct {
	kms   *kmsService
	vault *vaultServer
	// decrypt are requests for ciphertexts of all its data keys.
	decrypt []func() error
}

const agedMount = "aged"

func (s *stage) openAged(ctx context.Context) ([]contest.Side, func() error, error) {
	vault, err := s.vault()
	if err != nil {
		return nil, nil, err
	}
	kms, err := s.startKMS(agedMount)
	if err != nil {
		return nil, nil, err
	}
	a := &agedKey{kms: kms, vault: vault}
	if err := vault.mountEngine(ctx, agedMount, kms.EngineConfig()); err != nil {
		return nil, nil, err
	}
	if err := a.fill(ctx); err != nil {
		return nil, nil, err
	}
	return []contest.Side{{Name: "ours", Prepare: a.forget, Run: a.run}}, kms.Stop, nil
}

// fill rotates the key between encryptions.
func (a *agedKey) fill(ctx context.Context) error {
	logical := a.vault.Client.Logical()
	for n := range manyDataKeys {
		if n > 0 {
			if _, err := logical.WriteWithContext(ctx, agedMount+"/keys/"+envelopeName+"/rotate", nil); err != nil {
				return err
			}
		}
		// The ciphertexts that are left are spread evenly over the data keys that are left.
		left, keys := manyCiphertexts-len(a.decrypt), manyDataKeys-n
		answer, err := logical.WriteWithContext(ctx, agedMount+"/encrypt/"+envelopeName, batchOf((left+keys-1)/keys))
		if err != nil {
			return err
		}
		for _, result := range answer.Data["batch_results"].([]any) {
			decrypt, err := a.vault.post(ctx, agedMount+"/decrypt/"+envelopeName,
				map[string]any{"ciphertext": result.(map[string]any)["ciphertext"]})
			if err != nil {
				return err
			}
			a.decrypt = append(a.decrypt, decrypt)
		}
	}
	return nil
}

// forget makes the engine forget its data keys, as a change of its configuration does, and keep others for an hour.
func (a *agedKey) forget(ctx context.Context, _ time.Duration) error {
	_, err := a.vault.Client.Logical().WriteWithContext(ctx, agedMount+"/config", map[string]any{"cache_ttl": "1h"})
	return err
}

// run decrypts all ciphertexts, those of all data keys mixed, however long that takes.
func (a *agedKey) run(ctx context.Context, _ time.Duration) (contest.Sample, error) {
	before, err := a.kms.audited()
	if err != nil {
		return nil, err
	}
	load, err := contest.Drive(ctx, 16, time.Hour, len(a.decrypt), func(i int) error {
		return a.decrypt[i*stride%len(a.decrypt)]()
	})
	if err != nil {
		return nil, err
	}
	after, err := a.kms.audited()
	if err != nil {
		return nil, err
	}
	sample := load.Sample()
	sample[contest.AllKMSCalls] = float64(after - before)
	return sample, nil
}
