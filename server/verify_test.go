package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// check does what `server -config FILE -check` does.
func (s *site) check() (server.ConfigReport, error) {
	c, err := server.LoadConfig(s.file)
	if err != nil {
		return server.ConfigReport{}, err
	}
	return server.CheckConfig(s.t.Context(), c, time.Now())
}

func (s *site) at(name string) string { return filepath.Join(s.dir, name) }

// put writes a file of the site, with mode 0600.
func (s *site) put(name, content string) {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(s.at(name), []byte(content), 0o600))
}

func (s *site) chmod(name string, mode os.FileMode) {
	s.t.Helper()
	require.NoError(s.t, os.Chmod(s.at(name), mode))
}

func (s *site) remove(name string) {
	s.t.Helper()
	require.NoError(s.t, os.RemoveAll(s.at(name)))
}

const rootKeyAdvice = " (a root key file holds 32 random bytes in base64, and only its owner can access it: " +
	"umask 077; openssl rand -base64 32 > FILE)"

// TestWhatWrongFilesAreRefusedWith has the complete message of every fault in a file that the configuration names. DIR
// is the folder of the files. A start must find what a check finds, at the same place.
func TestWhatWrongFilesAreRefusedWith(t *testing.T) {
	const access = ` has mode 0644, so users other than its owner can access it; run: chmod 600 `
	const everybody = ` has mode 0644, so every user can access it; run: chmod o-rwx `
	const key = `DIR/kms.hcl:9: account "1": access_key "LTAIone": `
	for _, tc := range []struct {
		name  string
		spoil func(s *site)
		want  string
	}{
		{
			"a secret that is not there", func(s *site) { s.remove("one") },
			key + `secret_file: open DIR/one: no such file or directory`,
		},
		{
			"a secret that others can read", func(s *site) { s.chmod("one", 0o644) },
			key + `secret_file: DIR/one` + access + `DIR/one`,
		},
		{"a secret without content", func(s *site) { s.put("one", "\n") }, key + `secret_file: DIR/one is empty`},
		{
			"a secret of two lines", func(s *site) { s.put("one", "a\nb\n") },
			key + `secret_file: DIR/one has a line break or another control character inside`,
		},
		{"a secret that is a folder", func(s *site) {
			s.remove("one")
			require.NoError(s.t, os.Mkdir(s.at("one"), 0o700))
		}, key + `secret_file: DIR/one is not a regular file`},
		{"a token that others can read", func(s *site) {
			s.edit(`secret_file = "`+s.at("one")+`"`, "\nsecret = \"x\"\nsecurity_token_file = \""+s.at("one")+"\"\n")
			s.chmod("one", 0o644)
		}, `DIR/kms.hcl:11: account "1": access_key "LTAIone": security_token_file: DIR/one` + access + `DIR/one`},
		{
			"a certificate that is not there", func(s *site) { s.remove("tls.pem") },
			`DIR/kms.hcl:3: listener: tls_cert_file: open DIR/tls.pem: no such file or directory`,
		},
		{
			"a certificate that is something else", func(s *site) { s.put("tls.pem", "hello") },
			`DIR/kms.hcl:3: listener: tls_cert_file: DIR/tls.pem has no certificate in PEM (-----BEGIN CERTIFICATE-----)`,
		},
		{"a certificate that is not one", func(s *site) {
			s.put("tls.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("hello")})))
		}, `DIR/kms.hcl:3: listener: tls_cert_file: DIR/tls.pem has a certificate that can't be read: x509: malformed certificate`},
		{
			"a TLS key that is not there", func(s *site) { s.remove("tls.key") },
			`DIR/kms.hcl:4: listener: tls_key_file: open DIR/tls.key: no such file or directory`,
		},
		{
			"a TLS key that everybody can read", func(s *site) { s.chmod("tls.key", 0o644) },
			`DIR/kms.hcl:4: listener: tls_key_file: DIR/tls.key` + everybody + `DIR/tls.key`,
		},
		{
			"a TLS key that is another's", func(s *site) {
				require.NoError(s.t, os.Rename(s.at("kst-dev.key"), s.at("tls.key")))
			},
			`DIR/kms.hcl:4: listener: tls_key_file: DIR/tls.key is not the key of DIR/tls.pem: ` +
				`tls: private key does not match public key` + "\n" +
				`DIR/kms.hcl:15: instance "kst-dev": listener: tls_key_file: open DIR/kst-dev.key: no such file or directory`,
		},
		{
			"a TLS key that is something else", func(s *site) { s.put("tls.key", "hello") },
			`DIR/kms.hcl:4: listener: tls_key_file: DIR/tls.key is not the key of DIR/tls.pem: ` +
				`tls: failed to find any PEM data in key input`,
		},
		{
			"a TLS key of an instance that everybody can read", func(s *site) { s.chmod("kst-dev.key", 0o644) },
			`DIR/kms.hcl:15: instance "kst-dev": listener: tls_key_file: DIR/kst-dev.key` + everybody + `DIR/kst-dev.key`,
		},
		{
			"a CA of an instance that is not there", func(s *site) {
				s.edit(`instance "kst-dev" {`, "instance \"kst-dev\" {\nca_cert_file = \""+s.at("none.pem")+"\"\n")
			},
			`DIR/kms.hcl:12: instance "kst-dev": ca_cert_file: open DIR/none.pem: no such file or directory`,
		},
		{
			"a root key that is not there", func(s *site) { s.remove("root.key") },
			`DIR/kms.hcl:7: root_key: file: open DIR/root.key: no such file or directory` + rootKeyAdvice,
		},
		{
			"a root key that others can read", func(s *site) { s.chmod("root.key", 0o644) },
			`DIR/kms.hcl:7: root_key: file: DIR/root.key` + access + `DIR/root.key`,
		},
		{
			"a root key that is none", func(s *site) { s.put("root.key", "hello!") },
			`DIR/kms.hcl:7: root_key: file: DIR/root.key is not base64` + rootKeyAdvice,
		},
		{
			"a store in a folder that is not there", func(s *site) { s.edit("/kms.db", "/none/kms.db") },
			`DIR/kms.hcl:6: storage: path: the store's folder DIR/none must be created first` +
				"\n" + `DIR/kms.hcl:18: operations: socket: the folder DIR/none must be created first`,
		},
		{
			"a store that is another file", func(s *site) { s.put("kms.db", "hello") },
			`DIR/kms.hcl:6: storage: path: DIR/kms.db: the file is not a whole store: invalid database`,
		},
		{
			"an audit log in a folder that is not there", func(s *site) {
				s.edit("operations", "audit { file = \""+s.at("none/audit.log")+"\" }\noperations")
			},
			`DIR/kms.hcl:18: audit: file: the folder DIR/none must be created first`,
		},
		{
			"another file at the path of the socket", func(s *site) { s.put("kms.db.sock", "precious") },
			`DIR/kms.hcl:18: operations: socket: DIR/kms.db.sock exists, and is not a socket`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newFiles(t)
			tc.spoil(s)
			_, err := s.check()
			require.Error(t, err)
			require.Equal(t, tc.want, strings.ReplaceAll(err.Error(), s.dir, "DIR"))
			require.NotContains(t, err.Error(), "secret of", "no secret in an error")

			err = s.start()
			require.Error(t, err)
			place, _, _ := strings.Cut(tc.want, ": ")
			require.Contains(t, strings.ReplaceAll(err.Error(), s.dir, "DIR"), place+": ")
		})
	}
}

func TestACheckChangesNothing(t *testing.T) {
	s := newFiles(t)
	names := func() (all []string) {
		entries, err := os.ReadDir(s.dir)
		require.NoError(t, err)
		for _, e := range entries {
			all = append(all, e.Name())
		}
		return all
	}
	before := names()
	s.edit("operations", "audit { file = \""+s.at("audit.log")+"\" }\noperations")
	report, err := s.check()
	require.NoError(t, err)
	require.Equal(t, before, names())
	require.Equal(t, s.file, report.Config)
	require.Len(t, report.Remarks, 3)
	require.Equal(t, "storage: "+s.at("kms.db")+" does not exist; the service will create it", report.Remarks[0])
	require.Regexp(t, `^listener: certificate for localhost, 127\.0\.0\.1, ::1, expires 20\d\d-.*Z$`, report.Remarks[1])
	require.Regexp(t, `^instance "kst-dev"\.listener: certificate for kst-dev\.cryptoservice\.kms\.aliyuncs\.com, `, report.Remarks[2])
	require.Empty(t, report.Warnings)
}

func TestACheckWorksWhileTheServiceRuns(t *testing.T) {
	s := newSite(t)
	report, err := s.check()
	require.NoError(t, err)
	require.Equal(t, "storage: "+s.at("kms.db")+
		" is in use by a running service, so the root key was not compared with it", report.Remarks[0])
}

func TestACheckComparesTheRootKeyWithTheStore(t *testing.T) {
	s := newFiles(t)
	require.NoError(t, s.start())
	require.NoError(t, s.server.Close())
	_, err := s.check()
	require.NoError(t, err)

	other, err := server.NewDevConfig(t.TempDir(), "127.0.0.1:0")
	require.NoError(t, err)
	s.edit(s.at("root.key"), other.Config.RootKey.File)
	_, err = s.check()
	require.ErrorContains(t, err, s.file+":7: root_key: file: "+s.at("kms.db")+": ")
	require.ErrorContains(t, err, "another root key")
	require.EqualError(t, s.start(), err.Error())
}

func TestATLSKeyMayBeReadByItsGroup(t *testing.T) {
	s := newFiles(t)
	s.chmod("tls.key", 0o640)
	s.chmod("kst-dev.key", 0o440)
	_, err := s.check()
	require.NoError(t, err)
}

func TestACheckWarnsOfACertificateThatClientsWillRefuse(t *testing.T) {
	s := newFiles(t)
	now := time.Now().Truncate(time.Second).UTC()
	for _, tc := range []struct {
		name         string
		from, until  time.Time
		names        []string
		want, remark string
	}{
		{
			"it has expired", now.Add(-2 * time.Hour), now.Add(-time.Hour),
			[]string{"kms.example.com"},
			"the certificate expired at " + now.Add(-time.Hour).Format(time.RFC3339), "for kms.example.com",
		},
		{
			"it is of tomorrow", now.Add(time.Hour), now.Add(2 * time.Hour),
			[]string{"kms.example.com"},
			"the certificate is not valid before " + now.Add(time.Hour).Format(time.RFC3339), "for kms.example.com",
		},
		{
			"it has a common name only", now.Add(-time.Hour), now.Add(time.Hour), nil,
			"the certificate names no host: clients look for it in subjectAltName, and not in the common name",
			"for no host name",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := s.in(t)
			s.selfSigned(&x509.Certificate{
				SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kms.example.com"}, DNSNames: tc.names,
				NotBefore: tc.from, NotAfter: tc.until,
			})
			report, err := s.check()
			require.NoError(t, err)
			require.Equal(t, []string{s.file + ":3: listener: tls_cert_file: " + tc.want}, report.Warnings)
			require.Contains(t, report.Remarks[1], tc.remark)
		})
	}
}

// selfSigned gives the site a self-signed certificate.
func (s *site) selfSigned(template *x509.Certificate) {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(s.t, err)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(s.t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(s.t, err)
	s.put("tls.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	s.put("tls.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
}

func TestACheckByRootWarnsThatTheServicesUserMayReadLess(t *testing.T) {
	s := newFiles(t)
	if os.Geteuid() != 0 {
		report, err := s.check()
		require.NoError(t, err)
		require.Empty(t, report.Warnings, "another user sees what the service would")
		return
	}
	const nobody = 65534
	require.NoError(t, os.Chown(s.dir, nobody, -1))
	report, err := s.check()
	require.NoError(t, err)
	require.Len(t, report.Warnings, 1)
	require.Regexp(t, `^root can read every file, but `+s.dir+` belongs to \w+: check as that user, as the service does$`,
		report.Warnings[0])
}
