package client_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// otherAuthority is the PEM of an authority that signed no server's certificate.
var otherAuthority = newAuthority()

func newAuthority() string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "another authority"},
		NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestEndpointComesFromRegionAndNetworkUnlessOneIsGiven(t *testing.T) {
	for _, tc := range []struct {
		name, region string
		network      kmsapi.Network
		endpoint     string
		want         string
	}{
		{"no setting", "", "", "", "kms.cn-hangzhou.aliyuncs.com:443"},
		{"a region", "eu-central-1", "", "", "kms.eu-central-1.aliyuncs.com:443"},
		{"a region from within a VPC", "eu-central-1", kmsapi.NetworkVPC, "", "kms-vpc.eu-central-1.aliyuncs.com:443"},
		{"a host", "", "", "kms.example.com", "kms.example.com:443"},
		{"a host in upper case", "", "", "KMS.Example.com", "kms.example.com:443"},
		{"a host and a port", "", "", "kms.example.com:8443", "kms.example.com:8443"},
		{"https", "", "", "https://kms.example.com", "kms.example.com:443"},
		{"HTTPS with a port and a slash", "", "", "HTTPS://kms.example.com:8443/", "kms.example.com:8443"},
		{"an endpoint for an unknown region", "mars-1", "", "kms.example.com", "kms.example.com:443"},
		{"IPv6 in brackets", "", "", "[2001:db8::1]:8443", "[2001:db8::1]:8443"},
		{"IPv6 without brackets", "", "", "2001:db8::1", "[2001:db8::1]:443"},
		{"http on 127.0.0.1", "", "", "http://127.0.0.1:8080", "127.0.0.1:8080"},
		{"http elsewhere in 127.0.0.0/8", "", "", "http://127.9.9.9", "127.9.9.9:80"},
		{"http on IPv6 loopback", "", "", "http://[::1]:8080", "[::1]:8080"},
		{"http on localhost", "", "", "http://LocalHost:8080", "localhost:8080"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newClient(t, client.Config{
				Region: tc.region, Network: tc.network, Endpoint: tc.endpoint, Credentials: staff,
			})
			require.Equal(t, tc.want, c.Endpoint())
		})
	}
}

func TestConfigThatCannotWorkIsRefused(t *testing.T) {
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte(secretKey)}))
	damaged := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("damaged")}))
	endpoint := func(endpoint string) func(*client.Config) {
		return func(cfg *client.Config) { cfg.Endpoint = endpoint }
	}
	ca := func(pem string) func(*client.Config) {
		return func(cfg *client.Config) { cfg.CACert = pem }
	}
	network := func(network kmsapi.Network, region, endpoint string) func(*client.Config) {
		return func(cfg *client.Config) { cfg.Network, cfg.Region, cfg.Endpoint = network, region, endpoint }
	}
	credentials := func(p client.Provider) func(*client.Config) {
		return func(cfg *client.Config) { cfg.Credentials = p }
	}
	for _, tc := range []struct {
		name   string
		change func(*client.Config)
		want   string
	}{
		{"an unknown region without an endpoint", network("", "mars-1", ""), "give its endpoint"},
		{"a region without a VPC endpoint", network(kmsapi.NetworkVPC, "cn-hangzhou-finance", ""), "no VPC endpoint"},
		{"an unknown network", network("moon", "", ""), `neither "public" nor "vpc"`},
		{"an unknown network with an endpoint", network("moon", "", "h"), `neither "public" nor "vpc"`},
		{"http to another machine", endpoint("http://kms.example.com"), "use https://"},
		{"http to a name that begins like loopback", endpoint("http://127.0.0.1.example.com"), "use https://"},
		{"http to a name that begins like localhost", endpoint("http://localhost.example.com"), "use https://"},
		{"http to any address", endpoint("http://0.0.0.0:80"), "use https://"},
		{"http to a private address", endpoint("http://10.0.0.1"), "use https://"},
		{"another scheme", endpoint("ftp://kms.example.com"), "scheme"},
		{"a scheme twice", endpoint("https://https://kms.example.com"), "leave out user, path and query"},
		{"only a scheme", endpoint("https://"), "not a host"},
		{"only a port", endpoint(":443"), "not a host"},
		{"blanks", endpoint(" kms.example.com"), "not a host"},
		{"a line break", endpoint("kms.example.com\r\nX: y"), "not a host"},
		{"a path", endpoint("kms.example.com/kms"), "leave out user, path and query"},
		{"a query", endpoint("https://kms.example.com?a=b"), "leave out user, path and query"},
		{"an empty query", endpoint("https://kms.example.com?"), "leave out user, path and query"},
		{"a fragment", endpoint("https://kms.example.com#a"), "leave out user, path and query"},
		{"a password", endpoint("https://user:" + secretKey + "@kms.example.com"), "leave out user, path and query"},
		{"a loopback user", endpoint("http://127.0.0.1@kms.example.com"), "leave out user, path and query"},
		{"port 0", endpoint("kms.example.com:0"), "port"},
		{"a port too high", endpoint("kms.example.com:65536"), "port"},
		{"a port that is a name", endpoint("kms.example.com:https"), "not a host"},
		{"a CA that is not PEM", ca("/etc/ca.pem"), "not the name of a file"},
		{"a CA that is a private key", ca(key), "PRIVATE KEY"},
		{"a CA with a private key after it", ca(otherAuthority + key), `certificates only, and block 2 is a "PRIVATE KEY"`},
		{"a CA whose certificate is damaged", ca(damaged), "CACert is damaged in certificate 1"},
		{"a truncated CA", ca(otherAuthority + otherAuthority[:100]), "CACert is damaged in block 2"},
		{"no credentials", credentials(nil), "Credentials is missing; give a Provider"},
		{"empty credentials", credentials(client.Static{}), "access key is empty"},
		{"an empty secret", credentials(client.Static{AccessKeyID: "id"}), "secret is empty"},
		{"a negative time limit", func(cfg *client.Config) { cfg.RequestTimeout = -1 }, "RequestTimeout is -1ns"},
		{
			"a user agent that contains a header", func(cfg *client.Config) { cfg.UserAgent = "a\r\nX: y" },
			"UserAgent has a control character in it",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := client.Config{Credentials: staff}
			tc.change(&cfg)
			c, err := client.New(cfg)
			require.ErrorContains(t, err, tc.want)
			_, named := errors.AsType[*client.ConfigError](err)
			require.True(t, named, "the error has the field")
			require.Nil(t, c)
			requireNoSecret(t, err.Error())
		})
	}
}
