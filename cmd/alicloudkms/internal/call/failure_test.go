package call

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/alicloudkms/internal/terminal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestWhatIsSaidOfAFailure(t *testing.T) {
	notFound := kmsapi.ErrKeyNotFound.WithMessage("The specified Key is not found.")
	notFound.RequestID = "r-1"
	broken := &client.TransportError{Operation: kmsapi.OpCreateKey, Endpoint: "kms:443", Err: errors.New("broken")}
	unsent := *broken
	unsent.Unsent = true
	for name, tc := range map[string]struct {
		op   kmsapi.Operation
		err  error
		want string
	}{
		"a refusal": {
			kmsapi.OpDescribeKey, notFound,
			"DescribeKey at kms:443 was refused: Forbidden.KeyNotFound: The specified Key is not found. (HTTP 404, request id r-1)",
		},
		"a refusal inside of another error": {
			kmsapi.OpDescribeKey, fmt.Errorf("DescribeKey: %w", notFound),
			"DescribeKey at kms:443 was refused: Forbidden.KeyNotFound: The specified Key is not found. (HTTP 404, request id r-1)",
		},
		"a refusal of what must not run twice": {
			kmsapi.OpCreateKey, kmsapi.ErrThrottling,
			"CreateKey at kms:443 was refused: Rejected.Throttling: QPS Limit Exceeded. (HTTP 429)",
		},
		"a failure of what may run twice": {
			kmsapi.OpDescribeKey, kmsapi.ErrInternalFailure,
			"DescribeKey at kms:443 was refused: InternalFailure: Internal Failure. (HTTP 500)",
		},
		"a failure of what must not run twice": {
			kmsapi.OpCreateKey, kmsapi.ErrInternalFailure,
			"CreateKey at kms:443 was refused: InternalFailure: Internal Failure. (HTTP 500); CreateKey may have run anyway, so check before you repeat it",
		},
		"no answer to what must not run twice": {
			kmsapi.OpCreateKey, broken,
			"CreateKey at kms:443 failed: broken; CreateKey may have run anyway, so check before you repeat it",
		},
		"no connection": {kmsapi.OpCreateKey, &unsent, "CreateKey at kms:443 failed: broken"},
		"no credentials": {
			kmsapi.OpEncrypt,
			&client.CredentialsError{Operation: kmsapi.OpEncrypt, Err: errors.New("nothing found")},
			"Encrypt was not sent to KMS for want of credentials: nothing found; -env FILE names a file with credentials",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := Explain(tc.op, "kms:443", tc.err)
			require.EqualError(t, got, tc.want)
			require.ErrorIs(t, got, tc.err)
		})
	}
}

func TestNoErrorCommandsATerminal(t *testing.T) {
	refused := &kmsapi.Error{Code: hostile, Message: hostile, RequestID: hostile, HostID: hostile, HTTPStatus: 400}
	text := Explain(kmsapi.OpEncrypt, "kms:443", refused).Error()
	require.Equal(t, terminal.Escape(text, ""), text)
	require.Contains(t, text, `\u001b]0;owned`)
}

func TestAHostileServerDoesNotCommandATerminal(t *testing.T) {
	t.Chdir(t.TempDir())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"Code":"X\u001b[2J","Message":"\u009b2J\u202e","RequestId":"r\u0007"}`)
	}))

	defer server.Close()
	env := "export ALICLOUD_DOMAIN='" + server.URL + "'\nexport ALICLOUD_ACCESS_KEY='a'\nexport ALICLOUD_SECRET_KEY='b'\n"
	require.NoError(t, os.WriteFile("env", []byte(env), 0o600))
	err := Run(context.Background(), kmsapi.OpListKeys, nil, Options{Target: Target{EnvFile: "env"}})
	require.ErrorContains(t, err, `was refused: X\u001b[2J: \u009b2J\u202e (HTTP 403, request id r\u0007)`)
}
