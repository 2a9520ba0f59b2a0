package main

import (
	"context"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

// smCallers is how many callers work at a time.
const smCallers = 16

// smSettings are the settings of a service with SM algorithms, which limits nothing, like the others that are measured.
const smSettings = "sm = true\nrate_limits {\n  asymmetric = -1\n  crypto = -1\n}"

var (
	signsSM2 = keyKind{
		spec: kmsapi.KeySpecSM2, usage: kmsapi.KeyUsageSignVerify, algorithm: kmsapi.SignSM2, make: signWith,
	}
	encryptsSM4 = keyKind{spec: kmsapi.KeySpecSM4, usage: kmsapi.KeyUsageEncryptDecrypt, make: encryptWith}
)

// smContests compare SM algorithms with others that do the same job: no peer has SM.
func (s *stage) smContests() []contest.Contest {
	var found []contest.Contest
	for _, c := range []struct {
		operation kmsapi.Operation
		ours      keyKind
		like      keyKind
		request   func(madeKey) kmsapi.Request
	}{
		{kmsapi.OpAsymmetricSign, signsSM2, signsP256, signWith},
		{kmsapi.OpEncrypt, encryptsSM4, symmetric, encryptWith},
	} {
		found = append(found, contest.Contest{
			Name: "service: " + string(c.operation) + " of " + c.ours.spec + " over TLS, c=16",
			Open: func(ctx context.Context) ([]contest.Side, func() error, error) {
				sides, err := s.openSM(ctx, c.ours, c.like, c.request)
				return sides, nil, err
			},
			Figures: []contest.Figure{figure(contest.PerSecond, contest.Target{})},
		})
	}
	return found
}

// openSM measures a request with two kinds of keys of one service.
func (s *stage) openSM(
	ctx context.Context, kind, like keyKind, request func(madeKey) kmsapi.Request,
) ([]contest.Side, error) {
	kms, err := s.sm()
	if err != nil {
		return nil, err
	}
	client, err := newHTTP(kms.CA)
	if err != nil {
		return nil, err
	}
	ours, err := kms.makeKey(ctx, kind)
	if err != nil {
		return nil, err
	}
	peer, err := kms.makeKey(ctx, like)
	if err != nil {
		return nil, err
	}
	sides := []contest.Side{
		kms.signed(client, smCallers, same(request(ours))), kms.signed(client, smCallers, same(request(peer))),
	}
	sides[1].Name = like.nameOfSpec()
	return sides, nil
}

// nameOfSpec is the KeySpec, which is empty for kinds with the default one.
func (k keyKind) nameOfSpec() string {
	if k.spec == "" {
		return kmsapi.KeySpecAES256
	}
	return k.spec
}

func (s *stage) startSM(ctx context.Context) (*kmsService, error) {
	k := s.newKMS("sm")
	if err := k.StartConfigured(smSettings); err != nil {
		return nil, err
	}
	return k, settle(ctx)
}
