package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/shell"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// configFlag is the service's configuration file, for the commands that work on its store.
func configFlag() cli.Flag {
	return &cli.StringFlag{Name: "config", Required: true, Usage: "the service's configuration `FILE`"}
}

// keepFlag is where the commands that replace a store in etcd keep it. One in a file is kept beside the new one.
func keepFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "keep", Usage: "a store in etcd is kept as a backup in this new `FILE`; one in a file is kept beside the new one",
	}
}

// adviseKeep says how to keep a store in etcd if it can't be replaced without that.
func adviseKeep(err error) error {
	if errors.Is(err, server.ErrNoKeep) {
		return fmt.Errorf("%w: -keep FILE", err)
	}
	return err
}

// storeReport is what a command that has checked a store says about it in JSON.
type storeReport struct {
	// Store is the store's file, or the backup's, or where the store is in etcd.
	Store string `json:"store"`
	// Good reports whether there are no problems.
	Good     bool `json:"good"`
	Records  int  `json:"records"`
	Keys     int  `json:"keys"`
	Versions int  `json:"key_versions"`
	Secrets  int  `json:"secrets"`
	// SecretValues counts the values of secrets that were opened.
	SecretValues int `json:"secret_values"`
	// Problems are sentences.
	Problems []string `json:"problems"`
}

func newStoreReport(store string, r server.Report) storeReport {
	return storeReport{
		Store: store, Good: len(r.Problems) == 0, Records: r.Records, Keys: r.Keys, Versions: r.Versions,
		Secrets: r.Secrets, SecretValues: r.SecretValues,
		Problems: append([]string{}, r.Problems...),
	}
}

// contents says in a few words what is in a store.
func contents(r server.Report) string {
	return counted(r.Records, "record") + ", " + counted(r.Keys, "key")
}

// counted returns a number of things of one name.
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprint(n, " ", thing)
}

// adviseInUse says what to do if a store can't be checked because a service has it open.
func adviseInUse(c *cli.Command, config server.Config, err error) error {
	if !errors.Is(err, server.ErrInUse) {
		return err
	}
	if config.Ops == nil {
		return fmt.Errorf("%w: stop the service first. "+
			"With an operations block in its configuration it gives a backup while it runs, which can be checked", err)
	}
	name := filepath.Base(config.Storage.Path)
	backup := strings.TrimSuffix(name, filepath.Ext(name)) + "-backup" + filepath.Ext(name)
	file, backup := shell.Word(c.String("config")), shell.Word(backup)
	return fmt.Errorf("%w: stop the service, or check a backup:\n"+
		"  alicloudkms backup -config %s -to %s && alicloudkms check -config %s -store %s", err, file, backup, file, backup)
}
