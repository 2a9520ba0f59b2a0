package setup

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/pki"
)

// RenewOptions are for [Renew].
type RenewOptions struct {
	// Dir has ca.pem and the certificate, tls.pem.
	Dir string
	// CAKeyFile is the key of the CA; "" means ca.key in Dir.
	CAKeyFile string
	// Hosts are what the new certificate is for; none means what the current one is for.
	Hosts []string
	// Now is when the new certificate begins.
	Now time.Time
}

// Renewed is a certificate that [Renew] has made.
type Renewed struct {
	CertificateFile string `json:"certificate_file"`
	// ConfigFile is server.hcl in the same folder, or "" if it is not there.
	ConfigFile string    `json:"config_file,omitempty"`
	Hosts      []string  `json:"hosts"`
	Expires    time.Time `json:"expires"`
	// Before is when the certificate that was replaced expires.
	Before time.Time `json:"before"`
}

// Renew replaces the certificate in a folder by one that the same CA signs now. It is for the same key, so that one
// file changes, at once and for good, and the key need not be where the CA's is.
func Renew(o RenewOptions) (_ Renewed, err error) {
	hosts, err := checkHosts(o.Hosts)
	if err != nil {
		return Renewed{}, err
	}
	dir, err := absolute(o.Dir)
	if err != nil {
		return Renewed{}, err
	}
	f, err := openFolder(dir)
	if err != nil {
		return Renewed{}, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	current, err := f.certificate(certName)
	if err != nil {
		return Renewed{}, err
	}
	ca, err := f.authority(o.CAKeyFile)
	if err != nil {
		return Renewed{}, err
	}
	if err := current.CheckSignatureFrom(ca.Certificate); err != nil {
		return Renewed{}, fmt.Errorf("%s was not signed by %s: %w", f.name(certName), f.name(caName), err)
	}
	if len(hosts) == 0 {
		hosts = pki.Hosts(current)
	}
	renewed, err := sign(ca, current, hosts, o.Now)
	if err != nil {
		return Renewed{}, err
	}
	made := Renewed{CertificateFile: f.name(certName), Hosts: hosts, Expires: renewed.NotAfter, Before: current.NotAfter}
	if _, err := f.root.Stat(configName); err == nil {
		made.ConfigFile = f.name(configName)
	}
	return made, f.replace(certName, pki.EncodeCertificates(renewed))
}

// sign returns a certificate that follows current. It does not outlive its CA.
func sign(ca *pki.Authority, current *x509.Certificate, hosts []string, now time.Time) (*x509.Certificate, error) {
	until := now.Add(certificateLife)
	if end := ca.Certificate.NotAfter; end.Before(until) {
		until = end
	}
	if !until.After(now) {
		return nil, fmt.Errorf("the CA itself has expired, on %s; run alicloudkms init for another folder, and give clients its %s",
			until.Format(time.DateOnly), caName)
	}
	template := serverTemplate(hosts, now, until)
	template.Subject = current.Subject
	return ca.Sign(template, current.PublicKey)
}

// certificate reads the first certificate in a file.
func (f *folder) certificate(name string) (*x509.Certificate, error) {
	content, err := f.root.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	found, err := pki.ParseCertificates(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.name(name), err)
	}
	return found[0], nil
}

// authority reads the CA, whose key may be elsewhere.
func (f *folder) authority(keyFile string) (*pki.Authority, error) {
	certificate, err := f.certificate(caName)
	if err != nil {
		return nil, err
	}
	if keyFile == "" {
		keyFile = f.name(caKeyName)
	}
	content, err := os.ReadFile(keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; if it was moved, name it with -ca-key", err)
	}
	if err != nil {
		return nil, err
	}
	defer clear(content)
	key, err := pki.ParseKey(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyFile, err)
	}
	ca := &pki.Authority{Pair: pki.Pair{Certificate: certificate, Key: key}}
	if err := ca.Belongs(); err != nil {
		return nil, fmt.Errorf("%s is not the key of %s: %w", keyFile, f.name(caName), err)
	}
	return ca, nil
}

// replace writes a file in the place of another, for the same users: all of it, durably, or nothing.
func (f *folder) replace(name string, content []byte) error {
	info, err := f.root.Lstat(name)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file, and is not replaced", f.name(name))
	}
	temporary := "." + name + "-" + rand.Text()
	if err := f.write(temporary, 0o600, content); err != nil {
		return errors.Join(err, f.undo())
	}
	// The service may read it as a member of a group, and root may renew it.
	owner := info.Sys().(*syscall.Stat_t)
	err = f.root.Lchown(temporary, int(owner.Uid), int(owner.Gid))
	if err == nil {
		err = f.root.Chmod(temporary, info.Mode().Perm())
	}
	if err == nil {
		err = f.root.Rename(temporary, name)
	}
	if err != nil {
		return errors.Join(err, f.undo())
	}
	return f.keep()
}
