package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func wrapCommand() *cli.Command {
	return &cli.Command{
		Name:      "wrap",
		Usage:     "encrypt key material for its import into KMS",
		UsageText: "alicloudkms wrap -in FILE -public-key FILE [-algorithm NAME] [-out FILE] [-token-out FILE]",
		Description: `Encrypts key material with the public key that KMS returns for its import, so that only KMS can decrypt it. Nothing is
sent anywhere: it works without network. The result is base64, for encrypted_key_material or EncryptedKeyMaterial.`,
		Flags: []cli.Flag{
			&cli.StringFlag{
				Name: "in", Required: true, Usage: "the `FILE` with the key material: 32 raw bytes; - is standard input",
			},
			&cli.StringFlag{
				Name: "public-key", Required: true,
				Usage: "the `FILE` with KMS's public key: PEM, DER, DER in base64, or the JSON of the response that has it",
			},
			&cli.StringFlag{
				Name: "algorithm", Value: kmsapi.WrapOAEPSHA256,
				Usage: "the wrapping algorithm `NAME` that the public key was requested with: " +
					kmsapi.WrapOAEPSHA256 + ", " + kmsapi.WrapOAEPSHA1 + " or " + kmsapi.WrapPKCS1v15,
				Validator: oneOf(kmsapi.WrapOAEPSHA256, kmsapi.WrapOAEPSHA1, kmsapi.WrapPKCS1v15),
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
	algorithm, err := parameters.algorithmFor(c.String("algorithm"), c.IsSet("algorithm"))
	if err != nil {
		return err
	}
	material, err := readMaterial(in)
	if err != nil {
		return fmt.Errorf("-in %s: %w", in, err)
	}
	defer clear(material)
	wrapped, err := client.WrapKeyMaterial(algorithm, parameters.key, material)
	if err != nil {
		return err
	}
	if name := c.String("token-out"); name != "" {
		if err := writeLine(nil, name, parameters.token); err != nil {
			return err
		}
	}
	return writeLine(c.Root().Writer, c.String("out"), wrapped)
}

var wantedMaterial = fmt.Sprintf("key material has exactly %d raw bytes", kmsapi.KeyMaterialSize)

// readMaterial reads key material into one buffer, which the caller clears. Its errors reveal nothing about the
// material.
func readMaterial(name string) ([]byte, error) {
	file, err := openInput(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	buffer := make([]byte, 2*kmsapi.KeyMaterialSize+3) // Enough to recognize hexadecimal with a line break.
	n, err := io.ReadFull(file, buffer)
	if err == nil {
		clear(buffer)
		return nil, fmt.Errorf("it has more than %d bytes; %s", n-1, wantedMaterial)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		clear(buffer)
		return nil, err
	}
	if n != kmsapi.KeyMaterialSize {
		err := fmt.Errorf("it has %d bytes; %s%s", n, wantedMaterial, materialHint(buffer[:n]))
		clear(buffer)
		return nil, err
	}
	return buffer[:n], nil
}

// materialHint recognizes the usual mistakes.
func materialHint(read []byte) string {
	trimmed := bytes.TrimRight(read, "\r\n")
	decoded := make([]byte, len(read))
	defer clear(decoded)
	switch n, err := base64.StdEncoding.Decode(decoded, trimmed); {
	case len(read) == 2*kmsapi.KeyMaterialSize || len(trimmed) == 2*kmsapi.KeyMaterialSize:
		return " (if it is hexadecimal, decode it first: xxd -r -p)"
	case err == nil && n == kmsapi.KeyMaterialSize:
		return " (it is base64: decode it first, with base64 -d)"
	case len(trimmed) == kmsapi.KeyMaterialSize:
		return " (it ends with a line break)"
	default:
		return ""
	}
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
