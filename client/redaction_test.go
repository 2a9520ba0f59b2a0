package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// talkative is a provider whose fields print its secrets.
type talkative struct{ key, token string }

func (p talkative) Credentials(context.Context) (client.Credentials, error) {
	return client.Credentials{
		AccessKeyID: "id", AccessKeySecret: kmsapi.NewSecret(p.key), SecurityToken: kmsapi.NewSecret(p.token),
	}, nil
}

func TestNothingPrintsASecret(t *testing.T) {
	static := client.Static{
		AccessKeyID: "id", AccessKeySecret: kmsapi.NewSecret(secretKey), SecurityToken: kmsapi.NewSecret(stsToken),
	}
	cfg := client.Config{Credentials: static}
	hidden := struct {
		static    client.Static
		cfg       client.Config
		plaintext kmsapi.Secret
	}{static, cfg, kmsapi.NewSecret(plaintext)}
	for name, value := range map[string]any{
		"Static":                    static,
		"Credentials":               client.Credentials(static),
		"Config":                    cfg,
		"Client":                    newClient(t, cfg),
		"Client with a provider":    newClient(t, client.Config{Credentials: talkative{secretKey, stsToken}}),
		"EncryptRequest":            &kmsapi.EncryptRequest{KeyId: "k", Plaintext: kmsapi.NewSecret(plaintext)},
		"DecryptResponse":           &kmsapi.DecryptResponse{Plaintext: kmsapi.NewSecret(plaintext)},
		"GenerateDataKeyResponse":   &kmsapi.GenerateDataKeyResponse{Plaintext: kmsapi.NewSecret(plaintext)},
		"a struct with all of them": hidden,
	} {
		t.Run(name, func(t *testing.T) {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%p", "%!"} {
				requireNoSecret(t, fmt.Sprintf(verb, value))
				requireNoSecret(t, fmt.Sprintf(verb, []any{value}))
			}
			encoded, err := json.Marshal(value)
			require.NoError(t, err)
			requireNoSecret(t, string(encoded))

			var log bytes.Buffer
			slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "value", value)
			slog.New(slog.NewTextHandler(&log, nil)).Info("m", "value", value)
			require.NotEmpty(t, log)
			requireNoSecret(t, log.String())
		})
	}
}

func TestClientPrintsItsEndpoint(t *testing.T) {
	c := newClient(t, client.Config{Credentials: staff})
	require.Equal(t, "KMS client of kms.cn-hangzhou.aliyuncs.com:443", fmt.Sprint(c))
}
