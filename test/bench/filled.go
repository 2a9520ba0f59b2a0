package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

// filledService is a service that has many keys, each with an alias.
type filledService struct {
	*kmsService
	keys []string
	http *http.Client
}

func (s *stage) startFilled(ctx context.Context, name string, n int) (*filledService, error) {
	kms, err := s.startKMS(name)
	if err != nil {
		return nil, err
	}
	f := &filledService{kmsService: kms, keys: make([]string, n)}
	if f.http, err = newHTTP(kms.ca); err != nil {
		return nil, err
	}
	return f, f.fill(ctx)
}

// fill makes the keys over the API, by as many goroutines as share a commit well.
func (f *filledService) fill(ctx context.Context) error {
	const longEnough = time.Hour
	_, err := contest.Drive(ctx, connections, longEnough, len(f.keys), func(i int) error {
		made := kmsapi.CreateKeyResponse{}
		if err := f.ask(ctx, &kmsapi.CreateKeyRequest{}, &made); err != nil {
			return err
		}
		f.keys[i] = made.KeyMetadata.KeyId
		return f.send(ctx, f.http, f.form(&kmsapi.CreateAliasRequest{AliasName: aliasName(i), KeyId: f.keys[i]}))
	})
	return err
}

// ask is send for who wants the answer. The client would make a connection for each CreateKey.
func (f *filledService) ask(ctx context.Context, r kmsapi.Request, answer kmsapi.Response) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+f.address()+"/", strings.NewReader(f.form(r)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := f.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("HTTP status %d: %s", resp.StatusCode, body)
	}
	return json.Unmarshal(body, answer)
}

// stride is a prime, so that requests go all over the store.
const stride = 7919

// spread is a key for the i-th request.
func (f *filledService) spread(i int) string { return f.keys[i*stride%len(f.keys)] }

// restart stops the service, and gives the seconds until it is ready again, on its data, and its memory once it is at work.
func (f *filledService) restart(ctx context.Context, _ time.Duration) (contest.Sample, error) {
	if err := f.stop(); err != nil {
		return nil, err
	}
	f.http.CloseIdleConnections()
	began := time.Now()
	if err := f.start(); err != nil {
		return nil, err
	}
	ready := time.Since(began)
	if err := f.use(ctx); err != nil {
		return nil, err
	}
	memory, err := f.resident()
	return contest.Sample{contest.Ready: ready.Seconds(), contest.Memory: memory}, err
}

// use asks for keys all over the store, and for its last page.
func (f *filledService) use(ctx context.Context) error {
	const requests = 2000
	_, err := contest.Drive(ctx, 4, time.Minute, requests, func(i int) error {
		return f.send(ctx, f.http, f.form(&kmsapi.EncryptRequest{KeyId: f.alias(i), Plaintext: kmsapi.NewSecret(plaintext)}))
	})
	if err != nil {
		return err
	}
	return f.send(ctx, f.http, f.form(page(len(f.keys)/pageSize)))
}

// alias is the name of a key for the i-th request.
func (f *filledService) alias(i int) string { return aliasName(i * stride % len(f.keys)) }

func aliasName(i int) string { return fmt.Sprintf("%sbench/%07d", kmsapi.AliasPrefix, i) }
