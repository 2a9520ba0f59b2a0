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

// talkative is a provider that would print its secrets.
type talkative struct{ key, token string }

func (p talkative) Credentials(context.Context) (client.Credentials, error) {
	return client.Credentials{AccessKeyID: "id", AccessKeySecret: kmsapi.NewSecret(p.key), SecurityToken: kmsapi.NewSecret(p.token)}, nil
}

func TestNothingPrintsASecret(t *testing.T) {
	static := client.Static{AccessKeyID: "id", AccessKeySecret: kmsapi.NewSecret(secretKey), SecurityToken: kmsapi.NewSecret(stsToken)}
	cfg := client.Config{Credentials: static}
	hidden := struct {
		static client.Static
		cfg    client.Config
		text   kmsapi.Secret
	}{static, cfg, kmsapi.NewSecret(plaintext)}
	for name, value := range map[string]any{
		"Static":                  static,
		"Credentials":             client.Credentials(static),
		"Config":                  cfg,
		"Client":                  newClient(t, cfg),
		"Client with a provider":  newClient(t, client.Config{Credentials: talkative{secretKey, stsToken}}),
		"EncryptRequest":          &kmsapi.EncryptRequest{KeyId: "k", Plaintext: kmsapi.NewSecret(plaintext)},
		"DecryptResponse":         &kmsapi.DecryptResponse{Plaintext: kmsapi.NewSecret(plaintext)},
		"GenerateDataKeyResponse": &kmsapi.GenerateDataKeyResponse{Plaintext: kmsapi.NewSecret(plaintext)},
		"a struct that hides all": hidden,
	} {
		t.Run(name, func(t *testing.T) {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%p", "%!"} {
				requireNoSecret(t, fmt.Sprintf(verb, value))
				requireNoSecret(t, fmt.Sprintf(verb, []any{value}))
			}
			text, err := json.Marshal(value)
			require.NoError(t, err)
			requireNoSecret(t, string(text))

			var log bytes.Buffer
			slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "value", value)
			slog.New(slog.NewTextHandler(&log, nil)).Info("m", "value", value)
			require.NotEmpty(t, log)
			requireNoSecret(t, log.String())
		})
	}
}

func TestClientPrintsItsEndpoint(t *testing.T) {
	require.Equal(t, "KMS client of kms.cn-hangzhou.aliyuncs.com:443", fmt.Sprint(newClient(t, client.Config{Credentials: staff})))
}
