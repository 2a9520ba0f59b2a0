package client_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

// missingKey is an id that no CMK has.
const missingKey = "00000000-0000-0000-0000-000000000000"

// The messages are exact, since they are what a program's author sees and acts on.
func TestWhatAProgramIsTold(t *testing.T) {
	kms := kmstest.New(t)
	c := clientOf(t, kms, nil)
	created, err := c.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{})
	require.NoError(t, err)
	id := created.KeyMetadata.KeyId
	disabled, err := c.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{})
	require.NoError(t, err)
	_, err = c.DisableKey(t.Context(), &kmsapi.DisableKeyRequest{KeyId: disabled.KeyMetadata.KeyId})
	require.NoError(t, err)
	sealed, err := c.EncryptBytes(t.Context(), id, []byte("hello"), kmsapi.EncryptionContext{"app": "payroll"})
	require.NoError(t, err)

	for situation, tc := range map[string]struct {
		change  func(*client.Config)
		request kmsapi.Request
		want    string
		is      error
	}{
		"a key that does not exist": {
			request: &kmsapi.DescribeKeyRequest{KeyId: missingKey},
			want:    `DescribeKey: Forbidden.KeyNotFound: The specified Key is not found. (HTTP 404, request id ID)`,
			is:      kmsapi.ErrKeyNotFound,
		},
		"an endpoint with TLS, called without": {
			change:  func(c *client.Config) { c.Endpoint = "http://" + c.Endpoint },
			request: &kmsapi.DescribeKeyRequest{KeyId: missingKey},
			want:    `DescribeKey at HOST failed: HTTP 400 Bad Request with content type "", and no KMS error with it; something other than KMS answered, or KMS, which expects TLS; check the scheme of the endpoint`,
		},
		"a key that is disabled": {
			request: &kmsapi.EncryptRequest{KeyId: disabled.KeyMetadata.KeyId, Plaintext: kmsapi.NewSecret("aGVsbG8=")},
			want:    `Encrypt: Rejected.Disabled: The request was rejected because the key state is Disabled. (HTTP 409, request id ID)`,
			is:      kmsapi.ErrRejectedDisabled,
		},
		"another context": {
			request: &kmsapi.DecryptRequest{CiphertextBlob: sealed},
			want:    `Decrypt: InvalidParameter: The specified parameter "CiphertextBlob" is not valid. It is not a ciphertext of this service, or the EncryptionContext is not the one it was made with. (HTTP 400, request id ID)`,
			is:      kmsapi.ErrInvalidParameter,
		},
		"bytes for a string": {
			request: &kmsapi.EncryptRequest{KeyId: id, Plaintext: kmsapi.NewSecret("\xff\xfe")},
			want:    `Encrypt was not sent: the parameter "Plaintext" must be UTF-8: encode bytes as base64, as EncryptBytes does`,
			is:      client.ErrNotUTF8,
		},
		"bytes in another parameter": {
			request: &kmsapi.CreateKeyRequest{Description: "M\xfcnchen"},
			want:    `CreateKey was not sent: the parameter "Description" must be UTF-8: encode bytes as base64, as EncryptBytes does`,
			is:      client.ErrNotUTF8,
		},
		"a misspelled region": {
			change:  func(cfg *client.Config) { cfg.Region = "cn-hangzou" },
			request: &kmsapi.DescribeRegionsRequest{},
			want:    `DescribeRegions: InvalidParameter: The specified parameter "RegionId" is not valid. This service does not work in that region; did you mean "cn-hangzhou"? DescribeRegions lists the others. (HTTP 400, request id ID)`,
			is:      kmsapi.ErrInvalidParameter,
		},
		"a wrong secret": {
			change: func(cfg *client.Config) {
				cfg.Credentials = client.Static{AccessKeyID: kms.AccessKeyID, AccessKeySecret: kmsapi.NewSecret("wrong")}
			},
			request: &kmsapi.DescribeRegionsRequest{},
			want:    `DescribeRegions: IncompleteSignature: The request signature does not conform to Alibaba Cloud standards. server string to sign is:POST&… [redacted] (HTTP 400, request id ID)`,
			is:      kmsapi.ErrIncompleteSignature,
		},
		"an authority that is not trusted": {
			change:  func(cfg *client.Config) { cfg.CACert = otherAuthority },
			request: &kmsapi.DescribeRegionsRequest{},
			want:    `DescribeRegions at HOST failed: tls: failed to verify certificate: x509: certificate signed by unknown authority (if the server is the right one, set CACert to the certificate of the authority that signed its certificate)`,
		},
	} {
		t.Run(situation, func(t *testing.T) {
			_, err := clientOf(t, kms, tc.change).Do(t.Context(), tc.request)
			require.Equal(t, tc.want, anonymous(err))
			if tc.is != nil {
				require.ErrorIs(t, err, tc.is)
			}
		})
	}
}

// anonymous replaces what differs from run to run.
func anonymous(err error) string {
	text := regexp.MustCompile(`request id [0-9a-f-]{36}`).ReplaceAllString(err.Error(), "request id ID")
	return regexp.MustCompile(`(127\.0\.0\.1|localhost):\d+`).ReplaceAllString(text, "HOST")
}

func TestWhatAWrongConfigIsTold(t *testing.T) {
	for situation, tc := range map[string]struct {
		config client.Config
		want   string
	}{
		"the name of a file for its content": {
			client.Config{CACert: "ca.pem"},
			`CACert holds no PEM certificate; it must be the text that begins with "-----BEGIN CERTIFICATE-----", not the name of a file`,
		},
		"the CA of an instance": {
			client.Config{Instances: map[string]client.Instance{ours: {CACert: "ca.pem"}}},
			`Instances["kst-ours"].CACert holds no PEM certificate; it must be the text that begins with "-----BEGIN CERTIFICATE-----", not the name of a file`,
		},
		"the endpoint of an instance": {
			client.Config{Instances: map[string]client.Instance{ours: {CACert: otherAuthority, Endpoint: "a/b"}}},
			`Instances["kst-ours"].Endpoint has more than scheme, host and port; leave out user, path and query`,
		},
		"an instance without an id": {
			client.Config{Instances: map[string]client.Instance{"": {CACert: otherAuthority}}},
			`Instances has an instance whose id is empty`,
		},
		"another scheme": {
			client.Config{Endpoint: "ftp://kms.example.com"}, `Endpoint must have the scheme "https", or "http" on loopback`,
		},
		"no TLS": {
			client.Config{Endpoint: "http://kms.example.com"},
			`Endpoint is kms.example.com:80 without TLS, which is allowed on loopback only; use https://`,
		},
		"another network": {client.Config{Network: "vcp"}, `Network "vcp" is neither "public" nor "vpc"`},
		"a network that the region lacks": {
			client.Config{Region: "cn-hangzhou-finance", Network: kmsapi.NetworkVPC},
			`Network "vpc" can't be used: region "cn-hangzhou-finance" has no VPC endpoint`,
		},
		"an empty secret": {
			client.Config{Credentials: client.Static{AccessKeyID: "id"}},
			`Credentials can't be used: the access key's secret is empty`,
		},
	} {
		t.Run(situation, func(t *testing.T) {
			if tc.config.Credentials == nil {
				tc.config.Credentials = staff
			}
			_, err := client.New(tc.config)
			require.EqualError(t, err, tc.want)
		})
	}
}

// refusingNames starts a server with a self-signed certificate that has the names of template.
func refusingNames(t *testing.T, template *x509.Certificate) (address, ca string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template.SerialNumber, template.NotAfter = big.NewInt(1), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.(*tls.Conn).Handshake()
			_ = conn.Close()
		}
	}()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	return "localhost:" + port, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestACertificateWithOtherNamesIsToldByThem(t *testing.T) {
	for situation, tc := range map[string]struct {
		template x509.Certificate
		want     string
	}{
		"a Common Name alone, as openssl req -subj makes it": {
			x509.Certificate{Subject: pkix.Name{CommonName: "localhost"}},
			`DescribeRegions at HOST failed: the server's certificate is not for "localhost"; the certificate names: none, since its Common Name, "localhost", does not count (make a certificate for the server with subjectAltName=DNS:localhost, as alicloudkms init -host localhost DIR does)`,
		},
		"other names": {
			x509.Certificate{DNSNames: []string{"kms.example.com", "\x1b[2Jkms"}, IPAddresses: []net.IP{net.IPv4(10, 0, 0, 1)}},
			`DescribeRegions at HOST failed: the server's certificate is not for "localhost"; the certificate names: "kms.example.com", "\x1b[2Jkms", 10.0.0.1 (call the server by a name that its certificate has, or make it one with subjectAltName=DNS:localhost, as alicloudkms init -host localhost DIR does)`,
		},
	} {
		t.Run(situation, func(t *testing.T) {
			address, ca := refusingNames(t, &tc.template)
			c := newClient(t, client.Config{Endpoint: address, CACert: ca, Credentials: staff, MaxRetries: -1})
			_, err := c.DescribeRegions(t.Context(), &kmsapi.DescribeRegionsRequest{})
			require.Equal(t, tc.want, anonymous(err))
			wrong, ok := errors.AsType[x509.HostnameError](err)
			require.True(t, ok, "the cause is found")
			require.Equal(t, "localhost", wrong.Host)
		})
	}
}
