package config

import (
	"fmt"
	"os"
	"path/filepath"
)

// resolve makes relative paths relative to folder, the folder of the configuration file: a service, a backup and a
// check then mean the same files wherever they are started, and a folder with everything in it can be moved.
func (c *Config) resolve(folder string) {
	for _, path := range append(c.inputs(), c.outputs()...) {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(folder, *path)
		}
	}
}

// Inputs returns the paths of the files that the service reads but never writes.
func (c Config) Inputs() (paths []string) {
	for _, path := range c.inputs() {
		if *path != "" {
			paths = append(paths, *path)
		}
	}
	return paths
}

// inputs returns the fields that name a file that the service reads.
func (c *Config) inputs() []*string {
	all := append(c.Listener.paths(), &c.RootKey.File)
	for a := range c.Accounts {
		for k := range c.Accounts[a].AccessKeys {
			key := &c.Accounts[a].AccessKeys[k]
			all = append(all, &key.SecretFile, &key.SecurityTokenFile)
		}
	}
	for n := range c.Instances {
		i := &c.Instances[n]
		all = append(append(all, &i.CACertFile), i.Listener.paths()...)
	}
	if e := c.Etcd; e != nil {
		all = append(all, &e.CAFile, &e.CertFile, &e.KeyFile, &e.PasswordFile)
	}
	if n := c.Cluster; n != nil {
		all = append(all, &n.CAFile, &n.CertFile, &n.KeyFile)
	}
	return all
}

// outputs returns the fields that name a file that the service creates.
func (c *Config) outputs() []*string {
	all := []*string{&c.Storage.Path}
	if c.Audit != nil {
		all = append(all, &c.Audit.File)
	}
	if c.Ops != nil {
		all = append(all, &c.Ops.Socket)
	}
	return all
}

func (l *Listener) paths() []*string { return []*string{&l.TLSCertFile, &l.TLSKeyFile} }

// storeIsThere returns an error if the store is only where written leads from the working directory. Earlier versions
// resolved relative paths that way; this one would start on a new store, without its keys.
func (c Config) storeIsThere(written string) error {
	if written == c.Storage.Path || exists(c.Storage.Path) || !exists(written) {
		return nil
	}
	return c.Place().Block("storage", 0, "").Field("path").Fault(fmt.Errorf(
		"relative paths are relative to this file's folder, where there is no %s, but there is one in the working directory; "+
			"give its absolute path, or move it", written))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
