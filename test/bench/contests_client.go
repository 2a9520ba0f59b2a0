package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

// Names of the SDKs in the table.
const (
	oldSDK = "alibaba-cloud-sdk-go"
	newSDK = "kms-20160120/v3"
)

func (s *stage) clientContests() []contest.Contest {
	found := []contest.Contest{{
		Name: "client: sign and encode one Encrypt",
		Open: s.openSigning,
		Figures: []contest.Figure{
			figure(contest.Time, contest.AtMost(0.2)), figure(contest.Allocations, contest.AtMost(0.2)),
		},
		Finer: closePairs,
	}}
	for _, c := range []int{1, 16, 64} {
		found = append(found, contest.Contest{
			Name:    fmt.Sprintf("client: Encrypt over TLS, c=%d", c),
			Open:    func(ctx context.Context) ([]contest.Side, func() error, error) { return s.openClients(ctx, c) },
			Figures: []contest.Figure{figure(contest.PerSecond, contest.AtLeast(1.5))},
		})
	}
	return found
}

// paramsCapacity is the room that the client reserves for parameters.
const paramsCapacity = 8

func encryptRequest(keyID string) *kmsapi.EncryptRequest {
	return &kmsapi.EncryptRequest{
		KeyId: keyID, Plaintext: kmsapi.NewSecret(plaintext),
		EncryptionContext: kmsapi.EncryptionContext{"app": keyName},
	}
}

// openSigning measures everything before a request is sent: parameters, signature, net/http's request. The new SDK is
// measured in part, the signature and what it needs: the rest can't be called without sending.
func (s *stage) openSigning(ctx context.Context) ([]contest.Side, func() error, error) {
	kms, err := s.kms()
	if err != nil {
		return nil, nil, err
	}
	const keyID = "08c33a6f-4e0a-4a1b-a3fa-7ddfa1d4fb73"
	credentials := kms.Credentials()
	// The client makes these two only once.
	target, err := url.Parse("https://" + kms.Address + "/")
	if err != nil {
		return nil, nil, err
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "User-Agent": {"bench"}}
	ours := func() error {
		request := encryptRequest(keyID)
		params := kmsapi.AppendParams(append(make(kmsapi.Params, 0, paramsCapacity),
			kmsapi.Param{Name: "Action", Value: string(request.Operation())},
			kmsapi.Param{Name: "Format", Value: "JSON"},
			kmsapi.Param{Name: "RegionId", Value: kmsapi.DefaultRegion}), request)
		form := signature.SignV1(http.MethodPost, params, credentials, rand.Text(), time.Now()).Form()
		body := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(form)), nil }
		opened, err := body()
		made := http.Request{
			Method: http.MethodPost, URL: target, Host: target.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: header, Body: opened, GetBody: body, ContentLength: int64(len(form)),
		}
		runtime.KeepAlive(made.WithContext(ctx))
		return err
	}
	v1, err := newV1(kms)
	if err != nil {
		return nil, nil, err
	}
	return []contest.Side{
		looped("ours", ours),
		looped(oldSDK, func() error { return v1.BuildRequestWithSigner(v1Encrypt(keyID), nil) }),
		looped(newSDK, func() error { return signLikeV3(kms, keyID) }),
	}, nil, nil
}

func looped(name string, do func() error) contest.Side {
	return contest.Side{Name: name, Run: func(ctx context.Context, d time.Duration) (contest.Sample, error) {
		return contest.Loop(ctx, d, do)
	}}
}

// openClients measures complete calls to the same service.
func (s *stage) openClients(ctx context.Context, goroutines int) ([]contest.Side, func() error, error) {
	kms, err := s.kms()
	if err != nil {
		return nil, nil, err
	}
	keyID, err := kms.createKey(ctx, &kmsapi.CreateKeyRequest{})
	if err != nil {
		return nil, nil, err
	}
	ours, err := kms.Client()
	if err != nil {
		return nil, nil, err
	}
	v1, err := v1Clients(kms, goroutines)
	if err != nil {
		return nil, nil, err
	}
	v3, err := newV3(kms)
	if err != nil {
		return nil, nil, err
	}
	sides := []contest.Side{
		driven("ours", goroutines, always(func() error {
			_, err := ours.Encrypt(ctx, encryptRequest(keyID))
			return err
		})),
		driven(oldSDK, goroutines, always(func() error {
			client := <-v1
			defer func() { v1 <- client }()
			_, err := client.Encrypt(v1Encrypt(keyID))
			return err
		})),
		driven(newSDK, goroutines, always(func() error {
			_, err := v3.Encrypt(v3Encrypt(keyID))
			return err
		})),
	}
	return sides, func() error { ours.Close(); return nil }, nil
}
