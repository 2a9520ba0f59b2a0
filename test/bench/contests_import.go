package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

const (
	// poolSize is how many wrapping keys the service keeps ready.
	poolSize  = 16
	importers = 4
	// refill is enough time for one core to make that many keys.
	refill = 2 * poolSize * 150 * time.Millisecond
)

func (s *stage) importContests() []contest.Contest {
	return []contest.Contest{{
		Name: "service: GetParametersForImport over TLS, c=4, while the pool lasts", Open: s.openImport,
		Figures: []contest.Figure{figure(contest.PerSecond, contest.AtLeast(50))},
	}}
}

// openImport compares taking all keys of the pool with generating keys.
func (s *stage) openImport(ctx context.Context) ([]contest.Side, func() error, error) {
	kms, err := s.kms()
	if err != nil {
		return nil, nil, err
	}
	keyID, err := kms.createKey(ctx, &kmsapi.CreateKeyRequest{Origin: kmsapi.OriginExternal})
	if err != nil {
		return nil, nil, err
	}
	client, err := newHTTP(kms.CA)
	if err != nil {
		return nil, nil, err
	}
	generate := driven("rsa.GenerateKey", importers, always(func() error {
		_, err := rsa.GenerateKey(rand.Reader, 2048)
		return err
	}))
	return []contest.Side{kms.importers(client, keyID), generate}, nil, nil
}

// importers is a side whose runs empty the pool. Refilling it is not measured, and ends before anything else is
// measured.
func (k *kmsService) importers(c *http.Client, keyID string) contest.Side {
	var forms []string
	return contest.Side{
		Name: "ours",
		Prepare: func(ctx context.Context, _ time.Duration) error {
			forms = nil
			for range poolSize {
				forms = append(forms, k.form(&kmsapi.GetParametersForImportRequest{
					KeyId: keyID, WrappingAlgorithm: kmsapi.WrapOAEPSHA256, WrappingKeySpec: "RSA_2048",
				}))
			}
			if err := sleep(ctx, refill); err != nil {
				return err
			}
			// Open the connections, which any running client has too.
			_, err := contest.Drive(ctx, importers, time.Minute, importers*4, func(int) error {
				return k.send(ctx, c, k.form(&kmsapi.DescribeKeyRequest{KeyId: keyID}))
			})
			return err
		},
		Run: func(ctx context.Context, _ time.Duration) (contest.Sample, error) {
			load, err := contest.Drive(ctx, importers, time.Minute, poolSize, func(i int) error {
				return k.send(ctx, c, forms[i])
			})
			if err != nil {
				return nil, err
			}
			return load.Sample(), sleep(ctx, refill)
		},
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
