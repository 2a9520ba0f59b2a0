package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/alicloudkms/internal/files"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/alicloudkms/internal/terminal"
)

func decryptCommand() *cli.Command {
	return &cli.Command{
		Name:  "decrypt",
		Usage: "decrypt a file of encrypt, or a ciphertext of the secrets engine",
		UsageText: `alicloudkms decrypt [-key-id ID] [-bound-context NAME=VALUE …] [-in FILE] [-out FILE] [contexts] [flags]
       alicloudkms decrypt -vault MOUNT/KEY [-in FILE] [-out FILE] [contexts]`,
		Description: `Decrypts a file of alicloudkms encrypt, or a ciphertext of the secrets engine, which begins with vault:v, of either of
its modes. Give the contexts that it was encrypted with; they are not in the file.

Without -vault, decrypt calls KMS itself, with the credentials that alicloudkms help call describes: neither Vault nor
its storage is needed. Then also give the bound_context of the engine's key, if it has one. The id of the KMS key is
printed on standard error, unless -key-id says which one it must be.

Data goes into a pipe as soon as it is authenticated. If the file was altered or cut, decrypt notices only when it gets
there, and the status is 1: use what came through a pipe only if the status is 0.`,
		Flags: fileFlags(
			&cli.StringFlag{Name: "key-id", Usage: "refuse what a KMS key other than `ID` has wrapped or encrypted"},
			&cli.StringFlag{Name: "context", Usage: "the context of a ciphertext of the engine, in `BASE64` or from @FILE"},
			&cli.StringFlag{
				Name: "associated-data", Usage: "the associated_data of a ciphertext of the engine, in `BASE64` or from @FILE",
			},
		),
		Metadata: examples(`  alicloudkms decrypt -in report.pdf.enc -out report.pdf -env kms.env
  alicloudkms decrypt -vault alicloudkms/payroll -encryption-context host=db1 -in data.tar.enc | tar -x
  alicloudkms decrypt -in ciphertext.txt -bound-context app=payroll -key-id "$key_id" -env kms.env
`),
		Action: runDecrypt,
	}
}

func runDecrypt(ctx context.Context, c *cli.Command) error {
	contexts, err := contextsOf(c)
	if err != nil {
		return err
	}
	keys, err := decryptionKeys(c)
	if err != nil {
		return err
	}
	return transform(c, func(w io.Writer, r io.Reader) error {
		if err := files.Decrypt(ctx, w, r, keys, contexts); err != nil {
			return fmt.Errorf("%s: %w", inputName(c), err)
		}
		return nil
	})
}

func decryptionKeys(c *cli.Command) (files.Keys, error) {
	if c.IsSet("vault") {
		return vaultKeys(c, "key-id", "bound-context")
	}
	if err := refuseFile(c, "key-id"); err != nil {
		return nil, err
	}
	if id := c.String("key-id"); strings.ContainsAny(id, "/:") {
		return nil, usagef(c, "-key-id %s: it must be the id of a KMS key, not an alias or an ARN", id)
	}
	kms, err := kmsClient(c)
	return &files.KMS{
		Client: kms, Timeout: c.Duration("timeout"), OnlyKeyID: c.String("key-id"),
		Opened: func(keyID string) {
			fmt.Fprintln(c.Root().ErrWriter, "alicloudkms: the KMS key is", terminal.Escape(keyID, ""))
		},
	}, err
}
