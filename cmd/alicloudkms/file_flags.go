package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/alicloudkms/internal/call"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/alicloudkms/internal/files"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/vaultkey"
)

// fileFlags are the flags that encrypt and decrypt share, and more, before those about KMS.
func fileFlags(more ...cli.Flag) []cli.Flag {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "in", Usage: "read this `FILE` instead of standard input"},
		&cli.StringFlag{Name: "out", Usage: "write this new `FILE`, which only you can read, instead of standard output"},
		&cli.StringFlag{Name: "vault", Usage: "use the key `MOUNT/KEY` of the secrets engine, in Vault or OpenBao"},
		&cli.StringSliceFlag{Name: "encryption-context", Usage: "the data is bound to this `NAME=VALUE`; repeatable"},
		&cli.StringSliceFlag{
			Name:  "bound-context",
			Usage: "without -vault: an entry `NAME=VALUE` of the bound_context of the engine's key; repeatable",
		},
	}
	return append(append(flags, more...), targetFlags(callTimeout)...)
}

// contextsOf returns what the flags bind the data to.
func contextsOf(c *cli.Command) (found files.Contexts, err error) {
	if found.Entries, err = files.ParseEntries(c.StringSlice("encryption-context")); err != nil {
		return found, usagef(c, "-encryption-context: %v", err)
	}
	if found.Bound, err = files.ParseEntries(c.StringSlice("bound-context")); err != nil {
		return found, usagef(c, "-bound-context: %v", err)
	}
	if err := found.Check(); err != nil {
		return found, usagef(c, "-encryption-context: %v", err)
	}
	if found.Context, err = base64Flag(c, "context"); err != nil {
		return found, err
	}
	found.AssociatedData, err = base64Flag(c, "associated-data")
	return found, err
}

// base64Flag returns the value of a flag in base64, or the content of the file in @FILE.
func base64Flag(c *cli.Command, name string) (string, error) {
	value := c.String(name)
	if file, ok := strings.CutPrefix(value, "@"); ok {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("-%s: %w", name, err)
		}
		value = string(content)
	}
	value, err := files.ParseBase64(value)
	if err != nil {
		return "", usagef(c, "-%s: %v", name, err)
	}
	return value, nil
}

// refuseFile refuses @FILE for a flag that names a key. call accepts KeyId=@FILE, but no flag does: encrypt and decrypt
// read only contexts from files.
func refuseFile(c *cli.Command, name string) error {
	if value := c.String(name); strings.HasPrefix(value, "@") {
		return usagef(c, `-%s %s: a key is not read from a file; give -%[1]s "$(cat FILE)"`, name, value)
	}
	return nil
}

// vaultKeys returns the keys of -vault. Flags that work only without it are refused.
func vaultKeys(c *cli.Command, without ...string) (files.Keys, error) {
	for _, flag := range targetFlags(callTimeout) {
		without = append(without, flag.Names()[0])
	}
	if err := refuseWithVault(c, without...); err != nil {
		return nil, err
	}
	if err := vaultkey.AdoptOpenBao(os.Environ()); err != nil {
		return nil, err
	}
	keys, err := files.NewVault(c.String("vault"))
	if errors.Is(err, vaultkey.ErrPath) {
		return nil, usagef(c, "-vault %q: %v", c.String("vault"), err)
	}
	return keys, err
}

// refuseWithVault refuses flags that work only without -vault.
func refuseWithVault(c *cli.Command, names ...string) error {
	for _, name := range names {
		if c.IsSet(name) {
			return usagef(c, "-%s works only without -vault", name)
		}
	}
	return nil
}

// kmsClient returns a client with credentials of KMS.
func kmsClient(c *cli.Command) (*client.Client, error) {
	target := targetOf(c)
	kms, err := target.Client(version)
	if usage, ok := errors.AsType[*call.UsageError](err); ok {
		return nil, usagef(c, "%v", usage)
	}
	return kms, err
}
