package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

// likeness is an operation that transit does not have, and another one of the service that does much the same.
type likeness struct {
	operation, like kmsapi.Operation
	kind            keyKind
	// request and peer are their requests. recipient is a public key for those that export.
	request func(recipient string) func(madeKey) kmsapi.Request
	peer    func(madeKey) kmsapi.Request
	most    float64 // as a multiple of the peer's time
}

var likenesses = []likeness{
	{
		operation: kmsapi.OpGetPublicKey, like: kmsapi.OpDescribeKey, kind: signsRSA,
		request: func(string) func(madeKey) kmsapi.Request { return publicKeyWith }, peer: describeWith, most: 1.05,
	},
	{
		operation: kmsapi.OpExportDataKey, like: kmsapi.OpDecrypt, kind: symmetric,
		request: exportWith, peer: decryptWith, most: 2,
	},
	{
		operation: kmsapi.OpGenerateAndExportDataKey, like: kmsapi.OpGenerateDataKey, kind: symmetric,
		request: generateAndExportWith, peer: dataKeyWith, most: 2,
	},
}

func (s *stage) operationContests() []contest.Contest {
	var found []contest.Contest
	for _, l := range likenesses {
		found = append(found, contest.Contest{
			Name: "service: " + string(l.operation) + " over TLS, c=1",
			Open: func(ctx context.Context) ([]contest.Side, func() error, error) {
				sides, err := s.openLikeness(ctx, l)
				return sides, nil, err
			},
			Figures: []contest.Figure{figure(contest.P50, contest.AtMost(l.most))},
			Finer:   closePairs,
		})
	}
	return found
}

func (s *stage) openLikeness(ctx context.Context, l likeness) ([]contest.Side, error) {
	kms, err := s.kms()
	if err != nil {
		return nil, err
	}
	key, err := kms.makeKey(ctx, l.kind)
	if err != nil {
		return nil, err
	}
	recipient, err := newRecipient()
	if err != nil {
		return nil, err
	}
	client, err := newHTTP(kms.CA)
	if err != nil {
		return nil, err
	}
	ours, peer := kms.signed(client, 1, same(l.request(recipient)(key))), kms.signed(client, 1, same(l.peer(key)))
	peer.Name = string(l.like)
	return []contest.Side{ours, peer}, nil
}

// newRecipient returns a public key as the service takes it: base64 of DER.
func newRecipient() (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	return base64.StdEncoding.EncodeToString(der), err
}
