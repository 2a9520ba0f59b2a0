package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/unixsocket"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/private"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// ConfigReport is the result of [CheckConfig].
type ConfigReport struct {
	// Config is the path of the configuration file.
	Config string `json:"config"`
	// Remarks say what was found, such as the names and the expiry of a certificate.
	Remarks []string `json:"remarks"`
	// Warnings are about faults that don't keep a service from starting, but it may not work as expected.
	Warnings []string `json:"warnings"`
}

// CheckConfig checks whether a service could start with c, or reload it: it reads every file that c names, and compares
// the root key with the store unless that is in use. It does not listen and changes nothing, so a service may be
// running. The error lists everything that is wrong, one fault per line, each with file and line.
func CheckConfig(ctx context.Context, c Config, now time.Time) (ConfigReport, error) {
	report := ConfigReport{Config: c.File(), Remarks: []string{}, Warnings: []string{}}
	if err := c.Validate(); err != nil {
		return report, err
	}
	f, err := loadFiles(c, now)
	faults := []error{
		err,
		report.checkStore(ctx, c, err == nil),
		checkAudit(c),
		checkSocket(c),
	}
	for _, d := range doorsOf(c) {
		if loaded := f.certificates[d.id]; loaded != nil {
			report.Remarks = append(report.Remarks, d.name()+": "+describeCertificate(loaded))
		}
	}
	if f.node != nil && err == nil {
		report.Remarks = append(report.Remarks, f.node.remarks()...)
	}
	report.Warnings = append(append(report.Warnings, f.warnings...), userWarnings(c)...)
	return report, errors.Join(faults...)
}

// checkStore checks that the store can be opened with the root key. It connects to etcd only if the files for that are
// good.
func (r *ConfigReport) checkStore(ctx context.Context, c Config, filesGood bool) error {
	root, err := loadRootKey(c)
	if c.Etcd != nil && (err != nil || !filesGood) {
		r.Remarks = append(r.Remarks, "etcd: not asked, so the root key was not compared with the store")
		return err
	}
	if err != nil {
		return errors.Join(err, storeFault(c, canCreate(c.Storage.Path, storeFolder)))
	}
	defer root.Clear()
	if c.Etcd != nil {
		return r.checkEtcd(ctx, c, root)
	}
	archive, err := bolt.OpenArchive(c.Storage.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.Remarks = append(r.Remarks, fmt.Sprintf("storage: %s does not exist; the service will create it", c.Storage.Path))
		return storeFault(c, canCreate(c.Storage.Path, storeFolder))
	case errors.Is(err, store.ErrLocked):
		r.Remarks = append(r.Remarks, fmt.Sprintf(
			"storage: %s is in use by a running service, so the root key was not compared with it", c.Storage.Path))
		return nil
	case err != nil:
		return storeFault(c, fmt.Errorf("%s: %w", c.Storage.Path, err))
	}
	return errors.Join(storeFault(c, verifyStore(ctx, archive, root, c.Storage.Path)), archive.Close())
}

// checkEtcd checks that a node can use the store in etcd. It only reads, and does not disturb a running service.
func (r *ConfigReport) checkEtcd(ctx context.Context, c Config, root *crypt.RootKey) error {
	in := etcdStore{config: c}
	snapshot, err := in.read(ctx)
	if err != nil {
		return err
	}
	what := "no store yet; the first node will create it"
	err = snapshot.View(ctx, func(reader store.Reader) error {
		layout, err := keyring.ReadLayout(reader)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		what = fmt.Sprintf("%d records, layout %d", snapshot.Len(), layout)
		if layout < keyring.Layout {
			what += fmt.Sprintf(" (the first active node upgrades it to %d, which older programs don't know)", keyring.Layout)
		}
		return keyring.VerifyIn(reader, root)
	})
	if leader, found := snapshot.Leader(); found {
		what += "; the active node is " + leader.Name
	}
	r.Remarks = append(r.Remarks, fmt.Sprintf("etcd: version %s, %s", strings.Join(snapshot.Versions(), " and "), what))
	return storeFault(c, err)
}

func verifyStore(ctx context.Context, archive *bolt.Archive, root *crypt.RootKey, path string) error {
	if err := keyring.Verify(ctx, archive, root); err != nil {
		return err
	}
	return canWrite(path)
}

// storeFolder is the wording of package bolt.
const storeFolder = "the store's folder"

// checkAudit checks that audit lines could be written.
func checkAudit(c Config) error {
	if c.Audit == nil {
		return nil
	}
	err := canWrite(c.Audit.File)
	if errors.Is(err, fs.ErrNotExist) {
		err = canCreate(c.Audit.File, "the folder")
	}
	return fieldOf(c, "audit", "file").Fault(err)
}

// checkSocket checks that the operations socket could be made.
func checkSocket(c Config) error {
	if c.Ops == nil {
		return nil
	}
	path := c.SocketPath()
	return fieldOf(c, "operations", "socket").Fault(errors.Join(unixsocket.Check(path), canCreate(path, "the folder")))
}

// The modes of access(2).
const (
	mayWrite  = 2
	maySearch = 1
)

// canWrite returns an error if this user can't write to the file at path. It does not open the file, which could change
// something.
func canWrite(path string) error { return access(path, mayWrite) }

// canCreate returns an error if this user can't create a file at path. what describes the folder in the error.
func canCreate(path, what string) error {
	folder := filepath.Dir(path)
	err := access(folder, mayWrite|maySearch)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s %s must be created first", what, folder)
	}
	return err
}

func access(path string, mode uint32) error {
	if err := syscall.Access(path, mode); err != nil {
		return &fs.PathError{Op: "write", Path: path, Err: err}
	}
	return nil
}

// userWarnings returns a warning for root, which can read files that the service's user can't. That user is taken to be
// the owner of the store's folder.
func userWarnings(c Config) []string {
	if c.Storage.Path == "" {
		return nil
	}
	folder := filepath.Dir(c.Storage.Path)
	id, name, err := private.Owner(folder)
	if os.Geteuid() != 0 || err != nil || id == 0 {
		return nil
	}
	return []string{fmt.Sprintf(
		"root can read every file, but %s belongs to %s: check as that user, as the service does", folder, name)}
}
