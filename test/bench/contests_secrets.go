package main

import (
	"context"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

// secretReaders is how many callers read a secret at a time.
const secretReaders = 16

// secretContests measure GetSecretValue, which decrypts, against DescribeKey, which reads one record: of a secret that
// a key encrypts, and of one that the service's own key does.
func (s *stage) secretContests() []contest.Contest {
	var found []contest.Contest
	for _, withKey := range []bool{false, true} {
		name := "service: GetSecretValue over TLS, c=16"
		if withKey {
			name = "service: GetSecretValue of a secret with a key over TLS, c=16"
		}
		found = append(found, contest.Contest{
			Name: name,
			Open: func(ctx context.Context) ([]contest.Side, func() error, error) {
				sides, err := s.openSecret(ctx, withKey)
				return sides, nil, err
			},
			Figures: []contest.Figure{figure(contest.PerSecond, contest.AtLeast(0.9))},
			Finer:   closePairs,
		})
	}
	return found
}

func (s *stage) openSecret(ctx context.Context, withKey bool) ([]contest.Side, error) {
	kms, err := s.kms()
	if err != nil {
		return nil, err
	}
	key, err := kms.makeKey(ctx, symmetric)
	if err != nil {
		return nil, err
	}
	c, err := kms.Client()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	secret := &kmsapi.CreateSecretRequest{
		SecretName: "of/" + key.id, VersionId: "1", SecretData: kmsapi.NewSecret(plaintext),
	}
	if withKey {
		secret.EncryptionKeyId = key.id
	}
	if _, err := c.CreateSecret(ctx, secret); err != nil {
		return nil, err
	}
	client, err := newHTTP(kms.CA)
	if err != nil {
		return nil, err
	}
	read := &kmsapi.GetSecretValueRequest{SecretName: secret.SecretName}
	ours, peer := kms.signed(client, secretReaders, same(read)), kms.signed(client, secretReaders, same(describeWith(key)))
	peer.Name = string(kmsapi.OpDescribeKey)
	return []contest.Side{ours, peer}, nil
}
