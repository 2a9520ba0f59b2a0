package main

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/servercert"
)

// What the client, the engine and the seal say about a certificate with the wrong names must make one with the right
// ones.
func TestTheAdviceAboutACertificateMakesOneThatIsTrusted(t *testing.T) {
	for _, host := range []string{"kms.example.com", "10.0.0.5", "::1"} {
		advice := servercert.Advice(x509.HostnameError{Certificate: &x509.Certificate{}, Host: host})
		command := regexp.MustCompile(programName + ` init .* DIR`).FindString(advice)
		require.NotEmpty(t, command, advice)
		dir := filepath.Join(t.TempDir(), "kms")
		args := strings.Fields(strings.Replace(command, "DIR", dir, 1))
		program := newProgram(args)
		program.Writer = io.Discard
		require.NoError(t, program.Run(t.Context(), args))
		content, err := os.ReadFile(filepath.Join(dir, "tls.pem"))
		require.NoError(t, err)
		block, _ := pem.Decode(content)
		certificate, err := x509.ParseCertificate(block.Bytes)
		require.NoError(t, err)
		require.NoError(t, certificate.VerifyHostname(host))
	}
}
