package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/shell"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// loadConfig reads the service's configuration file at path.
func loadConfig(path string) (server.Config, error) {
	config, err := server.LoadConfig(path)
	return config, adviseConfig(path, err)
}

// adviseConfig says what to give instead of a path at which there is no configuration, such as the folder that init has
// made.
func adviseConfig(path string, err error) error {
	onPath, ok := errors.AsType[*fs.PathError](err)
	if !ok || onPath.Path != path {
		return err
	}
	if inside, _ := filepath.Glob(filepath.Join(path, "*.hcl")); len(inside) == 1 {
		return fmt.Errorf("%w; did you mean %s?", err, shell.Word(inside[0]))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w; alicloudkms init makes a configuration", err)
	}
	return err
}

// adviseNoStore says when a store is created, if err is that the one of config does not exist.
func adviseNoStore(config server.Config, err error) error {
	if !errors.Is(err, fs.ErrNotExist) || config.Etcd != nil {
		return err
	}
	if _, missing := os.Stat(config.Storage.Path); errors.Is(missing, fs.ErrNotExist) {
		return fmt.Errorf("%w; a service makes its store when it first starts", err)
	}
	return err
}
