package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestAnswerThatIsNotFromKMSIsATransportError(t *testing.T) {
	big := `{"RequestId":"` + strings.Repeat("r", 2<<20) + `"}`
	for _, tc := range []struct {
		name   string
		answer step
		want   string
	}{
		{"no body", answer(""), "did not come from KMS"},
		{"HTML", answer("<html>" + plaintext + "</html>"), "did not come from KMS"},
		{"JSON that is not an object", answer(`["` + plaintext + `"]`), "did not come from KMS"},
		{"null", answer("null"), "did not come from KMS"},
		{"an object without a request id", answer(`{"CiphertextBlob":"b"}`), "did not come from KMS"},
		{"a request id that is not a string", answer(`{"RequestId":1,"CiphertextBlob":"b"}`), "did not come from KMS"},
		{"an object with something after it", answer(`{"RequestId":"r","CiphertextBlob":"b"}{}`), "did not come from KMS"},
		{"a string that is not UTF-8", answer("{\"RequestId\":\"r\",\"CiphertextBlob\":\"\xff\"}"), "did not come from KMS"},
		{"a body of 2 MiB with its length", header("Content-Length", "2097168", answer(big)), "larger than 1 MiB"},
		{"a body of 2 MiB in chunks", answer(big), "larger than 1 MiB"},
		{
			"a Content-Length larger than any memory",
			raw("HTTP/1.1 200 OK\r\nContent-Length: 9000000000000000000\r\n\r\n{"), "larger than 1 MiB",
		},
		{"a huge header", header("X", strings.Repeat("x", 1<<20), done), "check the endpoint"},
		{"an answer that is not HTTP", raw(`{"Plaintext":"` + plaintext + `"}`), "not HTTP"},
		{
			"malformed chunks",
			raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + plaintext + "\r\n"), "not HTTP",
		},
		{"a truncated header", raw("HTTP/1.1 200 OK\r\nContent-Le"), "the connection broke"},
		{
			"a redirect",
			header("Location", "/elsewhere", status(http.StatusTemporaryRedirect, "")), "HTTP 307 Temporary Redirect",
		},
		{"a proxy's HTML", status(http.StatusBadGateway, "<html>"+plaintext+"</html>"), "HTTP 502 Bad Gateway"},
		{
			"another service's JSON error",
			status(http.StatusForbidden, `{"code":403,"message":"`+plaintext+`"}`), "HTTP 403 Forbidden",
		},
		{
			"a KMS error without a code",
			status(http.StatusBadRequest, `{"Message":"m","RequestId":"r"}`), "HTTP 400 Bad Request",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			server := newScript(t, tc.answer)
			err := encrypt(context.Background(), server.dial(t, func(cfg *client.Config) { cfg.MaxRetries = -1 }))
			require.ErrorContains(t, requireTransportError(t, err, kmsapi.OpEncrypt), tc.want)
			require.Len(t, server.seen(), 1)
		})
	}
}

func TestAnswerWithoutItsRequiredFieldsIsRefused(t *testing.T) {
	ctx := context.Background()
	for name, call := range map[string]func(*client.Client) (any, error){
		"Encrypt": func(c *client.Client) (any, error) { return nil, encrypt(ctx, c) },
		"Decrypt": func(c *client.Client) (any, error) { return c.Decrypt(ctx, &kmsapi.DecryptRequest{}) },
		"GenerateDataKey": func(c *client.Client) (any, error) {
			return c.GenerateDataKey(ctx, &kmsapi.GenerateDataKeyRequest{})
		},
		"GenerateDataKeyWithoutPlaintext": func(c *client.Client) (any, error) {
			return c.GenerateDataKeyWithoutPlaintext(ctx, &kmsapi.GenerateDataKeyWithoutPlaintextRequest{})
		},
		"ExportDataKey": func(c *client.Client) (any, error) {
			return c.ExportDataKey(ctx, &kmsapi.ExportDataKeyRequest{})
		},
		"GenerateAndExportDataKey": func(c *client.Client) (any, error) {
			return c.GenerateAndExportDataKey(ctx, &kmsapi.GenerateAndExportDataKeyRequest{})
		},
		"ReEncrypt":   func(c *client.Client) (any, error) { return nil, reEncrypt(ctx, c) },
		"CreateKey":   func(c *client.Client) (any, error) { return nil, createKey(ctx, c) },
		"DescribeKey": func(c *client.Client) (any, error) { return c.DescribeKey(ctx, &kmsapi.DescribeKeyRequest{}) },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := call(newScript(t, answer(`{"RequestId":"r"}`)).dial(t, nil))
			require.ErrorContains(t, requireTransportError(t, err, kmsapi.Operation(name)), "did not come from KMS")
		})
	}
}

func TestBrokenConnectionIsReported(t *testing.T) {
	for name, tc := range map[string]struct {
		answer step
		cause  error
	}{
		"in the middle":     {cut, io.ErrUnexpectedEOF},
		"before the answer": {hangUp, io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			c := newScript(t, tc.answer).dial(t, func(cfg *client.Config) { cfg.MaxRetries = -1 })
			err := encrypt(context.Background(), c)
			require.ErrorIs(t, err, tc.cause)
			require.ErrorContains(t, requireTransportError(t, err, kmsapi.OpEncrypt), "the connection broke")
		})
	}
}

func TestAnswerOfOneMiBIsRead(t *testing.T) {
	const frame = `{"RequestId":"r","CiphertextBlob":""}`
	body := strings.Replace(frame, `""`, `"`+strings.Repeat("b", 1<<20-len(frame))+`"`, 1)
	require.Len(t, body, 1<<20)
	got, err := newScript(t, answer(body)).dial(t, nil).Encrypt(context.Background(), &kmsapi.EncryptRequest{})
	require.NoError(t, err)
	require.Len(t, got.CiphertextBlob, 1<<20-len(frame))
}

func TestRedirectIsNotFollowed(t *testing.T) {
	other := newScript(t, done)
	for _, code := range []int{301, 302, 303, 307, 308} {
		server := newScript(t, header("Location", other.URL+"/", status(code, "")))
		c := server.dial(t, func(cfg *client.Config) { cfg.CACert += other.ca() })
		require.Error(t, encrypt(context.Background(), c))
		require.Len(t, server.seen(), 1)
	}
	require.Empty(t, other.seen())
}

func TestUntrustedConnectionIsNotRetried(t *testing.T) {
	server := newScript(t, done)
	attempts := 0
	count := func(cfg *client.Config) {
		cfg.Jitter = func(time.Duration) time.Duration { attempts++; return 0 }
	}
	for name, tc := range map[string]struct {
		change func(*client.Config)
		want   string
	}{
		"the system does not know the authority": {func(cfg *client.Config) { cfg.CACert = "" }, "set CACert"},
		"CACert is another authority": {
			func(cfg *client.Config) { cfg.CACert = otherAuthority }, "set CACert",
		},
		"the certificate is for another name": {
			func(cfg *client.Config) { cfg.Endpoint = strings.Replace(cfg.Endpoint, "127.0.0.1", "localhost", 1) },
			`the server's certificate is not for "localhost"; the certificate names: "example.com", "*.example.com", 127.0.0.1, ::1`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := server.dial(t, func(cfg *client.Config) { count(cfg); tc.change(cfg) })
			err := createKey(context.Background(), c)
			require.ErrorContains(t, requireTransportError(t, err, kmsapi.OpCreateKey), tc.want)
		})
	}
	t.Run("the server does not speak TLS", func(t *testing.T) {
		plain := newPlainScript(t, done)
		c := newClient(t, client.Config{Endpoint: plain.Listener.Addr().String(), Credentials: staff})
		err := encrypt(context.Background(), c)
		require.ErrorContains(t, requireTransportError(t, err, kmsapi.OpEncrypt), "does not speak TLS")
	})
	require.Empty(t, server.seen())
	require.Zero(t, attempts)
}

func TestOldTLSIsRefused(t *testing.T) {
	server := newOldTLSScript(t, done)
	err := encrypt(context.Background(), server.dial(t, nil))
	requireTransportError(t, err, kmsapi.OpEncrypt)
	require.Empty(t, server.seen())
}

func TestPlainHTTPWorksOnLoopback(t *testing.T) {
	server := newPlainScript(t, done)
	c := newClient(t, client.Config{Endpoint: server.URL, Credentials: staff})
	require.NoError(t, encrypt(context.Background(), c))
}

type providerFunc func(context.Context) (client.Credentials, error)

func (f providerFunc) Credentials(ctx context.Context) (client.Credentials, error) { return f(ctx) }

func TestProviderThatReturnsNoCredentialsIsACredentialsError(t *testing.T) {
	cause := errors.New("STS is closed today")
	for name, tc := range map[string]struct {
		returned client.Credentials
		err      error
		want     string
	}{
		"it fails":                        {err: cause, want: "STS is closed today"},
		"it returns nothing":              {want: "access key is empty"},
		"it returns an id without secret": {returned: client.Credentials{AccessKeyID: "id"}, want: "secret is empty"},
		"it returns a secret without an id": {
			returned: client.Credentials{AccessKeySecret: kmsapi.NewSecret(secretKey)}, want: "access key is empty",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newScript(t, done)
			calls := 0
			c := server.dial(t, func(cfg *client.Config) {
				cfg.Credentials = providerFunc(func(context.Context) (client.Credentials, error) {
					calls++
					return tc.returned, tc.err
				})
			})
			err := encrypt(context.Background(), c)
			var missing *client.CredentialsError
			require.ErrorAs(t, err, &missing)
			require.Equal(t, kmsapi.OpEncrypt, missing.Operation)
			require.ErrorContains(t, err, tc.want)
			require.Equal(t, tc.err != nil, errors.Is(err, cause))
			requireNoSecret(t, err.Error())
			require.Equal(t, 1, calls)
			require.Empty(t, server.seen())
		})
	}
}

func TestProviderSeesTheCallersContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	c := newScript(t, done).dial(t, func(cfg *client.Config) {
		cfg.Credentials = providerFunc(func(ctx context.Context) (client.Credentials, error) {
			return client.Credentials{}, ctx.Err()
		})
	})
	require.ErrorIs(t, encrypt(ctx, c), context.Canceled)
}
