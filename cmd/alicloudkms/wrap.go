package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func wrapCommand() *cli.Command {
	return &cli.Command{
		Name:      "wrap",
		Usage:     "encrypt key material for its import into KMS",
		UsageText: "alicloudkms wrap -in FILE -public-key FILE [-algorithm NAME] [-out FILE] [-token-out FILE]",
		Description: `Encrypts key material with the public key that KMS returns for its import, so that only KMS can decrypt it. Nothing is
sent anywhere: it works without a network. The result is base64, for encrypted_key_material or EncryptedKeyMaterial.`,
		Flags: []cli.Flag{
			&cli.StringFlag{
				Name: "in", Required: true,
				Usage: "the `FILE` with the key material: 32 raw bytes, for Aliyun_SM4 16, or a private key in PEM or DER; - is standard input",
			},
			&cli.StringFlag{
				Name: "public-key", Required: true,
				Usage: "the `FILE` with KMS's public key: PEM, DER, DER in base64, or the JSON of the response that has it",
			},
			&cli.StringFlag{
				Name: "algorithm",
				Usage: "the wrapping algorithm `NAME` that the public key was requested with. Without it: that in the JSON, else " +
					kmsapi.WrapOAEPSHA256 + ", for a private key " + kmsapi.WrapKeyPair + ", and with a public key on SM2 " +
					kmsapi.WrapSM2PKE + " or " + kmsapi.WrapSM2KeyPair,
				Validator: oneOf(kmsapi.WrapOAEPSHA256, kmsapi.WrapOAEPSHA1, kmsapi.WrapPKCS1v15, kmsapi.WrapSM2PKE,
					kmsapi.WrapKeyPair, kmsapi.WrapSM2KeyPair),
			},
			&cli.StringFlag{
				Name: "out", Usage: "write to this `FILE`, which must not exist yet, instead of standard output",
			},
			&cli.StringFlag{
				Name:  "token-out",
				Usage: "write the import token of the JSON to this `FILE`, which must not exist yet",
			},
		},
		Metadata: examples(`  alicloudkms wrap -in material -public-key public.pem -out wrapped.b64
  alicloudkms wrap -in private.pem -public-key parameters.json -out wrapped.b64 -token-out token
  alicloudkms wrap -in material -public-key parameters.json -out wrapped.b64 -token-out token
`),
		Action: runWrap,
	}
}

func runWrap(_ context.Context, c *cli.Command) error {
	in, public := c.String("in"), c.String("public-key")
	parameters, err := readParameters(public)
	if err != nil {
		return fmt.Errorf("-public-key %s: %w", public, err)
	}
	if c.IsSet("token-out") && parameters.token == "" {
		return fmt.Errorf("-token-out needs the import token: give -public-key the whole response with the public key, in JSON")
	}
	algorithm, err := parameters.algorithmFor(c.String("algorithm"))
	if err != nil {
		return err
	}
	material, err := readMaterial(in)
	if err != nil {
		return fmt.Errorf("-in %s: %w", in, err)
	}
	defer clear(material.bytes)
	if algorithm, err = parameters.key.algorithmFor(material, algorithm); err != nil {
		return fmt.Errorf("-in %s: %w", in, err)
	}
	wrapped, err := parameters.key.wrap(algorithm, material)
	if err != nil {
		return fmt.Errorf("-in %s: %w", in, err)
	}
	if name := c.String("token-out"); name != "" {
		if err := writeLine(nil, name, parameters.token); err != nil {
			return err
		}
	}
	return writeLine(c.Root().Writer, c.String("out"), wrapped)
}

func openInput(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(os.Stdin), nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, withoutAt(name, err)
	}
	return file, nil
}

// writeLine writes line to a new file called name, or to stdout if name is empty.
func writeLine(stdout io.Writer, name, line string) error {
	if name == "" {
		_, err := fmt.Fprintln(stdout, line)
		return err
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(file, line)
	return errors.Join(err, file.Close())
}
