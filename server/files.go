package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/api"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/gate"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/private"
)

// files is the content of the files named in a configuration that a running service can replace.
type files struct {
	credentials gate.Credentials
	// certificates are keyed by gateway id. A gateway without TLS has nil.
	certificates map[string]*tls.Certificate
	// chains are the CA certificates of the KMS instances in PEM, keyed by instance id.
	chains map[string]string
	// node is nil for a service on one machine.
	node *nodeFiles
	// warnings are about certificates that clients will refuse.
	warnings []string
}

// loadFiles reads the files for a start, a reload or a check, so that all three find the same faults. It returns all of
// them, each a [config.Fault].
func loadFiles(c Config, now time.Time) (files, error) {
	f := files{certificates: map[string]*tls.Certificate{}, chains: map[string]string{}}
	credentials, err := gate.LoadCredentials(c)
	faults := []error{checkFIPS(c), checkSM(c), checkEngine(c), err}
	f.credentials = credentials
	for _, d := range doorsOf(c) {
		f.certificates[d.id], err = loadCertificate(d.listener, d.place)
		faults = append(faults, err)
		f.warnings = append(f.warnings, certificateWarnings(f.certificates[d.id], d.place, now)...)
	}
	for n, i := range c.Instances {
		f.chains[i.ID], err = loadChain(i.CACertFile)
		faults = append(faults, c.Place().Block("instance", n, i.ID).Field("ca_cert_file").Fault(err))
	}
	f.node, err = loadNodeFiles(c, now)
	if faults = append(faults, err); err == nil && f.node != nil {
		f.warnings = append(f.warnings, f.node.warnings(c, now)...)
	}
	return f, errors.Join(faults...)
}

// instances returns the KMS instances of c, with the content of the files that they name.
func (f files) instances(c Config) (all api.Instances) {
	for _, i := range c.AllInstances() {
		all = append(all, api.Instance{Instance: i, CACertificates: f.chains[i.ID]})
	}
	return all
}

// loadChain reads a PEM file and returns it with lines that end in CR LF, like those of the real service.
func loadChain(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	content, err := private.Read(path, private.Anyone, maxPEMFile)
	if err != nil {
		return "", err
	}
	return strings.ReplaceAll(strings.ReplaceAll(string(content), "\r\n", "\n"), "\n", "\r\n"), nil
}

func loadRootKey(c Config) (*crypt.RootKey, error) {
	root, err := crypt.LoadRootKey(c.RootKey.File)
	return root, fieldOf(c, "root_key", "file").Fault(err)
}

// storeFault attributes err, about the store, to the part of c that it comes from: the root key, etcd or the path.
func storeFault(c Config, err error) error {
	if errors.Is(err, crypt.ErrWrongRootKey) {
		return fieldOf(c, "root_key", "file").Fault(
			fmt.Errorf("%s: %w", StoreName(c), explainRootKey(c.RootKey.File, err)))
	}
	if c.Etcd != nil {
		return fieldOf(c, "etcd", "endpoints").Fault(err)
	}
	return fieldOf(c, "storage", "path").Fault(err)
}

// absolute returns the absolute form of path, so that a start by a relative path and a reload by an absolute one
// compare equal. It returns path itself if the working directory is gone, and "" for "".
func absolute(path string) string {
	if path == "" {
		return ""
	}
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}

// fieldOf returns the place of a field in a block that occurs once.
func fieldOf(c Config, block, field string) config.Place {
	return c.Place().Block(block, 0, "").Field(field)
}
