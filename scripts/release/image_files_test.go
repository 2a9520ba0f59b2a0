package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// TestImagesTrustTheAuthoritiesOfTheCloud parses the file of an image. The cloud's certificates are GlobalSign's.
func TestImagesTrustTheAuthoritiesOfTheCloud(t *testing.T) {
	content := filesOf(t, pulled(t, server.Name))[certificates]
	pool := x509.NewCertPool()
	found := map[string]*x509.Certificate{}
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		require.NoError(t, err)
		require.True(t, certificate.IsCA)
		pool.AddCert(certificate)
		found[fmt.Sprintf("%x", sha256.Sum256(block.Bytes))] = certificate
	}
	require.Greater(t, len(found), 100)
	root := found["cbb522d7b7f127ad6a0113865bdf1cd4102e7d0759af635a7cf4720dc963c53b"]
	require.NotNil(t, root, "GlobalSign Root CA - R3")
	_, err := root.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: made.Time})
	require.NoError(t, err)
	for limited := range bundle.Roots() {
		if limited.Constraint != nil {
			require.NotContains(t, found, fmt.Sprintf("%x", sha256.Sum256(limited.Certificate)))
		}
	}
}

// TestTheImagesProgramTrustsTheImagesAuthorities runs it with only the image's files, and as the image's user, against
// a server whose authority is or is not in the image's file.
func TestTheImagesProgramTrustsTheImagesAuthorities(t *testing.T) {
	if os.Getuid() != 0 {
		t.Log("only root can change a program's root folder; the file was parsed in another test")
		return
	}
	kms := httptest.NewTLSServer(http.NotFoundHandler())
	kms.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(kms.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: kms.Certificate().Raw})
	files := filesOf(t, pulled(t, server.Name))
	root := written(t, files)
	require.Contains(t, called(t, root, kms.Listener.Addr().String()), "certificate signed by unknown authority")
	files[certificates] = slices.Concat(files[certificates], authority)
	require.Contains(t, called(t, written(t, files), kms.Listener.Addr().String()), "404")
}

// called returns what the program of an image prints when its call to KMS fails.
func called(t *testing.T, root, address string) string {
	t.Helper()
	call := exec.CommandContext(t.Context(), "/"+server.Name, "call", "ListKeys")
	call.Env = []string{
		"ALICLOUD_DOMAIN=" + address, "ALICLOUD_REGION=cn-hangzhou", "ALICLOUD_ACCESS_KEY=id", "ALICLOUD_SECRET_KEY=secret",
	}
	call.Dir = "/"
	call.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	out, err := call.CombinedOutput()
	require.Error(t, err)
	return string(out)
}

// written writes the files of an image to a folder, which everyone can read.
func written(t *testing.T, files map[string][]byte) string {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.Chmod(root, 0o755))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(root, name)
		if strings.HasSuffix(name, "/") {
			require.NoError(t, os.Mkdir(path, 0o755))
			continue
		}
		require.NoError(t, os.WriteFile(path, files[name], 0o755))
	}
	return root
}
