package servercert_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/servercert"
)

func wrongName(host, commonName string, dns []string, ips ...string) error {
	cert := &x509.Certificate{Subject: pkix.Name{CommonName: commonName}, DNSNames: dns}
	for _, ip := range ips {
		cert.IPAddresses = append(cert.IPAddresses, net.ParseIP(ip))
	}
	return &tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: cert, Host: host}}
}

func TestACertificateWithTheWrongNamesIsExplained(t *testing.T) {
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprintf("host-%d", i)
	}
	for name, c := range map[string]struct {
		err          error
		text, advice string
	}{
		"a Common Name alone": {
			wrongName("kms.local", "kms.local", nil),
			`the server's certificate is not for "kms.local"; the certificate names: none, since its Common Name, "kms.local", does not count`,
			`make a certificate for the server with subjectAltName=DNS:kms.local, as alicloudkms init -host kms.local DIR does`,
		},
		"no name at all": {
			wrongName("127.0.0.1", "", nil),
			`the server's certificate is not for "127.0.0.1"; the certificate names: none`,
			`make a certificate for the server with subjectAltName=IP:127.0.0.1, as alicloudkms init -host 127.0.0.1 DIR does`,
		},
		"other names": {
			wrongName("kms.local", "", []string{"a.local", "b.local"}, "10.0.0.1"),
			`the server's certificate is not for "kms.local"; the certificate names: "a.local", "b.local", 10.0.0.1`,
			`call the server by a name that its certificate has, or make it one with subjectAltName=DNS:kms.local, as alicloudkms init -host kms.local DIR does`,
		},
		"an IPv6 address": {
			wrongName("::1", "", []string{"localhost"}),
			`the server's certificate is not for "::1"; the certificate names: "localhost"`,
			`call the server by a name that its certificate has, or make it one with subjectAltName=IP:::1, as alicloudkms init -host ::1 DIR does`,
		},
		"many names": {
			wrongName("kms.local", "", many),
			`the server's certificate is not for "kms.local"; the certificate names: "host-0", "host-1", "host-2", "host-3", "host-4" and 95 more`,
			`call the server by a name that its certificate has, or make it one with subjectAltName=DNS:kms.local, as alicloudkms init -host kms.local DIR does`,
		},
		"a host of Alibaba Cloud": {
			wrongName("kms.cn-hangzhou.aliyuncs.com", "", []string{"proxy.example.com"}),
			`the server's certificate is not for "kms.cn-hangzhou.aliyuncs.com"; the certificate names: "proxy.example.com"`,
			`the server that answered is not Alibaba Cloud's; check the endpoint, DNS and the proxy`,
		},
		"a hostile name": {
			wrongName("kms.local", "", []string{"\x1b[2J\r\nOK " + strings.Repeat("a", 1000)}),
			`the server's certificate is not for "kms.local"; the certificate names: "\x1b[2J\r\nOK ` + strings.Repeat("a", 55) + `"`,
			`call the server by a name that its certificate has, or make it one with subjectAltName=DNS:kms.local, as alicloudkms init -host kms.local DIR does`,
		},
		"a hostile Common Name": {
			wrongName("kms.local", "\x1b]0;x\a\u202e", nil),
			`the server's certificate is not for "kms.local"; the certificate names: none, since its Common Name, "\x1b]0;x\a\u202e", does not count`,
			`make a certificate for the server with subjectAltName=DNS:kms.local, as alicloudkms init -host kms.local DIR does`,
		},
		"an authority that is not trusted": {
			&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}},
			"tls: failed to verify certificate: x509: certificate signed by unknown authority", "",
		},
		"another error that is hostile": {
			errors.New("the proxy said \x1b[2J"), "the proxy said \ufffd[2J", "",
		},
		"an error that is safe": {errors.New("connection refused"), "connection refused", ""},
	} {
		t.Run(name, func(t *testing.T) {
			explained := servercert.Explain(c.err)
			require.EqualError(t, explained, c.text)
			require.ErrorIs(t, explained, c.err)
			require.Equal(t, c.advice, servercert.Advice(explained))
		})
	}
}

func TestAnExplanationIsBoundedAndPrintable(t *testing.T) {
	for name, err := range map[string]error{
		"names":    wrongName(strings.Repeat("h", 253), strings.Repeat("\x07", 1e5), []string{strings.Repeat("\x07", 1e5)}),
		"an error": errors.New(strings.Repeat("\x1b", 1e5)),
		"no UTF-8": errors.New("\xff\xfe" + strings.Repeat("€", 1e4)),
	} {
		text := servercert.Explain(err).Error()
		require.Less(t, len(text), 1024, name)
		require.False(t, strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }), "%s: %q", name, text)
	}
}
