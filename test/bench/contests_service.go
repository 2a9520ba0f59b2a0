package main

import (
	"context"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

// errand is an operation that both the service and transit have.
type errand struct {
	operation kmsapi.Operation
	// path is the one of transit.
	path string
	// request and data are the parameters of the service and of transit, given a key and a ciphertext of each.
	request func(keyID, ciphertext string) kmsapi.Request
	data    func(ciphertext string) map[string]any
}

var errands = []errand{
	{
		operation: kmsapi.OpEncrypt, path: "transit/encrypt/",
		request: func(keyID, _ string) kmsapi.Request {
			return &kmsapi.EncryptRequest{KeyId: keyID, Plaintext: kmsapi.NewSecret(plaintext)}
		},
		data: func(string) map[string]any { return map[string]any{"plaintext": plaintext} },
	},
	{
		operation: kmsapi.OpDecrypt, path: "transit/decrypt/",
		request: func(_, ciphertext string) kmsapi.Request { return &kmsapi.DecryptRequest{CiphertextBlob: ciphertext} },
		data:    func(ciphertext string) map[string]any { return map[string]any{"ciphertext": ciphertext} },
	},
	{
		operation: kmsapi.OpGenerateDataKey, path: "transit/datakey/plaintext/",
		request: func(keyID, _ string) kmsapi.Request { return &kmsapi.GenerateDataKeyRequest{KeyId: keyID} },
		data:    func(string) map[string]any { return nil },
	},
}

func (s *stage) serviceContests() []contest.Contest {
	var found []contest.Contest
	for _, e := range errands {
		for _, c := range []int{16, 64} {
			// The rate has a target at c=16 only.
			rate := contest.Target{}
			if c == 16 {
				rate = contest.AtLeast(1.5)
			}
			found = append(found, contest.Contest{
				Name: fmt.Sprintf("service: %s over TLS, c=%d", e.operation, c),
				Open: func(ctx context.Context) ([]contest.Side, func() error, error) { return s.openErrand(ctx, e, c) },
				Figures: []contest.Figure{
					figure(contest.PerSecond, rate), figure(contest.P99, contest.AtMost(1)),
				},
			})
		}
	}
	return found
}

// openErrand measures service and transit with the same HTTP client and certificate, both with an audit log.
func (s *stage) openErrand(ctx context.Context, e errand, goroutines int) ([]contest.Side, func() error, error) {
	kms, err := s.kms()
	if err != nil {
		return nil, nil, err
	}
	vault, err := s.vault()
	if err != nil {
		return nil, nil, err
	}
	keyID, err := kms.createKey(ctx, &kmsapi.CreateKeyRequest{})
	if err != nil {
		return nil, nil, err
	}
	ciphertext, err := kms.encrypt(ctx, keyID)
	if err != nil {
		return nil, nil, err
	}
	made, err := vault.Client.Logical().WriteWithContext(ctx, "transit/encrypt/"+keyName,
		map[string]any{"plaintext": plaintext})
	if err != nil {
		return nil, nil, err
	}
	peer, err := vault.post(ctx, e.path+keyName, e.data(made.Data["ciphertext"].(string)))
	if err != nil {
		return nil, nil, err
	}
	client, err := newHTTP(kms.CA)
	if err != nil {
		return nil, nil, err
	}
	return []contest.Side{
		kms.signed(client, goroutines, same(e.request(keyID, ciphertext))), driven("transit", goroutines, always(peer)),
	}, nil, nil
}

// encrypt returns a ciphertext of the common plaintext.
func (k *kmsService) encrypt(ctx context.Context, keyID string) (string, error) {
	c, err := k.Client()
	if err != nil {
		return "", err
	}
	defer c.Close()
	made, err := c.Encrypt(ctx, &kmsapi.EncryptRequest{KeyId: keyID, Plaintext: kmsapi.NewSecret(plaintext)})
	if err != nil {
		return "", err
	}
	return made.CiphertextBlob, nil
}
