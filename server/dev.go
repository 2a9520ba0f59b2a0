package server

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/input"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/private"
)

// DevConfig is the configuration of a development service: loopback only, TLS from its own CA, one account with one
// access key, no quotas and no rate limits. NOT FOR PRODUCTION: its root key and secrets are in the same folder as its
// data.
type DevConfig struct {
	Config Config
	// CAFile is the PEM file of the CA that clients must trust.
	CAFile          string
	AccessKeyID     string
	AccessKeySecret kmsapi.Secret
	// InstanceID is a KMS instance that always exists, and InstanceCAFile the PEM file of the CAs that clients of its
	// dedicated gateway must trust: a root CA, and a CA of the region.
	InstanceID     string
	InstanceCAFile string
}

// devAccount is the account number in the examples of the API reference.
const devAccount = "123456"

// devInstance is the KMS instance of a development service.
const devInstance = "kst-dev"

// NewDevConfig makes the files that a development service needs in dir, or takes those of an earlier run, so that keys,
// credentials and CA outlive a restart. address is host:port on loopback; port 0 lets the kernel choose. "" means the
// address that [DevConfig.KeepAddresses] has written to dir, if any. A folder that belongs to another user is refused.
func NewDevConfig(dir, address string) (*DevConfig, error) {
	dir, err := devFolder(dir)
	if err != nil {
		return nil, err
	}
	addresses, err := chooseDevAddresses(dir, address)
	if err != nil {
		return nil, err
	}
	d := &DevConfig{
		CAFile: filepath.Join(dir, "ca.pem"), InstanceID: devInstance, InstanceCAFile: filepath.Join(dir, instanceCAName),
	}
	if err := ensureRootKey(filepath.Join(dir, "root.key")); err != nil {
		return nil, err
	}
	if err := d.ensureAccessKey(dir); err != nil {
		return nil, err
	}
	if err := ensureCertificates(dir, time.Now()); err != nil {
		return nil, err
	}
	instance, err := NewDevInstance(dir, devInstance)
	if err != nil {
		return nil, err
	}
	instance.Listener.Address = addresses.instance
	d.Config = Config{
		Instances: []Instance{instance},
		Listener: Listener{
			Address: addresses.shared, TLSCertFile: filepath.Join(dir, "tls.pem"), TLSKeyFile: filepath.Join(dir, "tls.key"),
		},
		Storage: StorageConfig{Path: filepath.Join(dir, "kms.db")},
		RootKey: RootKeyConfig{File: filepath.Join(dir, "root.key")},
		Accounts: []Account{{ID: devAccount, AccessKeys: []AccessKey{{
			ID: d.AccessKeyID, SecretFile: filepath.Join(dir, "access-key-secret"),
		}}}},
		Audit: &AuditConfig{File: filepath.Join(dir, "audit.log")},
		// Tests make keys by the hundred, and a key can be deleted after a week at the earliest.
		Quotas: &Quotas{
			Keys: config.Unlimited, Aliases: config.Unlimited, KeyVersions: config.Unlimited, Versions: config.Unlimited,
			Secrets: config.Unlimited,
		},
		RateLimits: config.NoRateLimits(),
	}
	return d, nil
}

// Operations returns an operations block for interactive use: the status page, metrics and health on a free loopback
// port. It returns nil if the folder's path is too long for the operations socket.
func (d *DevConfig) Operations() *OpsConfig {
	o := &OpsConfig{Address: "127.0.0.1:0", Socket: filepath.Join(filepath.Dir(d.Config.Storage.Path), "operations.sock")}
	if len(o.Socket) > config.MaxSocketPath {
		return nil
	}
	return o
}

// devFolder returns the absolute path of dir, since clients use the paths of its files from other working directories.
// A folder that belongs to another user is an error.
func devFolder(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", err
	}
	return dir, private.CheckOwner(dir, info)
}

func ensureRootKey(path string) error {
	_, err := os.Lstat(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	root, err := crypt.NewRootKey(rand.Reader)
	if err != nil {
		return err
	}
	return root.WriteFile(path)
}

// ensureAccessKey sets the access key of d to that of an earlier run, or to a new one.
func (d *DevConfig) ensureAccessKey(dir string) error {
	id, err := ensureFile(filepath.Join(dir, "access-key-id"), func() string { return "LTAI" + randomHex(8) })
	if err != nil {
		return err
	}
	secret, err := ensureFile(filepath.Join(dir, "access-key-secret"), func() string { return randomHex(16) })
	if err != nil {
		return err
	}
	d.AccessKeyID, d.AccessKeySecret = id, kmsapi.NewSecret(secret)
	return nil
}

// ensureFile reads the file at path, or writes it with new content.
func ensureFile(path string, newContent func() string) (string, error) {
	text, err := os.ReadFile(path)
	if err == nil {
		return input.Word(string(text))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	// Every later start would read a partly written file as complete.
	made := newContent()
	return made, replaceFile(path, made)
}

// replaceFile writes a line to the file at path, atomically.
func replaceFile(path, line string) error {
	if err := os.WriteFile(path+".new", []byte(line+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand.Read never fails.
	return hex.EncodeToString(b)
}
