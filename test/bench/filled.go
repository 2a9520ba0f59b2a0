package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/servertest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

// filledService is a service with many keys, each with an alias.
type filledService struct {
	*kmsService
	keys []string
	http *http.Client
}

func (s *stage) startFilled(ctx context.Context, name string, n int) (*filledService, error) {
	if err := os.Mkdir(s.folder(name), 0o700); err != nil {
		return nil, err
	}
	dev, err := server.NewDevConfig(s.folder(name), "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if err := servertest.Fill(ctx, dev.Config, n); err != nil {
		return nil, err
	}
	kms, err := s.settledKMS(ctx, name)
	if err != nil {
		return nil, err
	}
	f := &filledService{kmsService: kms}
	if f.http, err = newHTTP(kms.CA); err != nil {
		return nil, err
	}
	return f, f.list(ctx, n)
}

// list reads the ids of all keys, and fails unless there are n.
func (f *filledService) list(ctx context.Context, n int) error {
	c, err := f.Client()
	if err != nil {
		return err
	}
	defer c.Close()
	for number := 1; len(f.keys) < n; number++ {
		page, err := c.ListKeys(ctx, &kmsapi.ListKeysRequest{PageNumber: number, PageSize: kmsapi.MaxPageSize})
		if err != nil {
			return err
		}
		if len(page.Keys.Key) == 0 || page.TotalCount != n {
			return fmt.Errorf("page %d has %d of %d keys, and %d were expected",
				number, len(page.Keys.Key), page.TotalCount, n)
		}
		for _, key := range page.Keys.Key {
			f.keys = append(f.keys, key.KeyId)
		}
	}
	return nil
}

// pages is the number of pages of all keys.
func (f *filledService) pages() int { return len(f.keys) / pageSize }

// stride is a prime, so that consecutive requests are spread over the whole store.
const stride = 7919

// spread is the key of the i-th request.
func (f *filledService) spread(i int) string { return f.keys[i*stride%len(f.keys)] }

// restart restarts the service on its data, and measures the seconds until it is ready and its memory once it has
// worked.
func (f *filledService) restart(ctx context.Context, _ time.Duration) (contest.Sample, error) {
	if err := f.Stop(); err != nil {
		return nil, err
	}
	f.http.CloseIdleConnections()
	began := time.Now()
	if err := f.Start(); err != nil {
		return nil, err
	}
	ready := time.Since(began)
	if err := f.use(ctx); err != nil {
		return nil, err
	}
	memory, err := f.resident(ctx)
	return contest.Sample{contest.Ready: ready.Seconds(), contest.Memory: memory}, err
}

// use sends requests for keys all over the store, and one for the last page.
func (f *filledService) use(ctx context.Context) error {
	const requests = 2000
	_, err := contest.Drive(ctx, 4, time.Minute, requests, func(i int) error {
		request := &kmsapi.EncryptRequest{KeyId: f.alias(i), Plaintext: kmsapi.NewSecret(plaintext)}
		return f.send(ctx, f.http, f.form(request))
	})
	if err != nil {
		return err
	}
	return f.send(ctx, f.http, f.form(page(f.pages())))
}

// alias is the alias of the i-th request's key.
func (f *filledService) alias(i int) string { return servertest.AliasOf(i * stride % len(f.keys)) }
