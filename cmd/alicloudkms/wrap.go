package main

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const wrapHelp = `usage: alicloudkms wrap -in FILE -public-key FILE [-algorithm NAME] [-out FILE]

Encrypts key material with the public key that KMS gives for its import, so that only KMS can read it. Nothing is sent
anywhere: it works on a machine without network. The result is base64, for encrypted_key_material or EncryptedKeyMaterial.

`

// maxPublicKeyFile is more than any public key has, in bytes.
const maxPublicKeyFile = 64 << 10

func runWrap(_ context.Context, args []string, stdout, stderr io.Writer) error {
	set := newFlags("wrap", wrapHelp, stderr)
	in := set.String("in", "", "the `FILE` with the key material: 32 bytes as they are; - is the standard input")
	public := set.String("public-key", "", "the `FILE` with KMS's public key: PEM, DER, or DER in base64")
	algorithm := set.String("algorithm", kmsapi.WrapOAEPSHA256,
		"the wrapping algorithm `NAME` that the public key was asked for with: "+kmsapi.WrapOAEPSHA256+", "+kmsapi.WrapOAEPSHA1+" or "+kmsapi.WrapPKCS1v15)
	out := set.String("out", "", "write to this `FILE`, which must not be there yet, and not to the standard output")
	if err := parseFlags(set, args, "in", "public-key"); err != nil {
		return err
	}
	key, err := readPublicKey(*public)
	if err != nil {
		return fmt.Errorf("-public-key %s: %w", *public, err)
	}
	material, err := readMaterial(*in)
	if err != nil {
		return fmt.Errorf("-in %s: %w", *in, err)
	}
	defer clear(material)
	wrapped, err := client.WrapKeyMaterial(*algorithm, key, material)
	if err != nil {
		return err
	}
	return writeLine(stdout, *out, wrapped)
}

// readMaterial reads key material into one buffer, which the caller clears. Its errors show nothing of it.
func readMaterial(name string) ([]byte, error) {
	file, err := openInput(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	buffer := make([]byte, 2*kmsapi.KeyMaterialSize+3) // Enough to see that it is hexadecimal, with a line break.
	n, err := io.ReadFull(file, buffer)
	if err == nil {
		clear(buffer)
		return nil, fmt.Errorf("there are more than %d bytes; key material has exactly %d, as they are", n-1, kmsapi.KeyMaterialSize)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		clear(buffer)
		return nil, err
	}
	if n != kmsapi.KeyMaterialSize {
		err := fmt.Errorf("there are %d bytes; key material has exactly %d, as they are%s", n, kmsapi.KeyMaterialSize, materialHint(buffer[:n]))
		clear(buffer)
		return nil, err
	}
	return buffer[:n], nil
}

// materialHint says what the usual mistakes look like.
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
		return " (there is a line break at its end)"
	default:
		return ""
	}
}

// readPublicKey reads a public key in any of the forms that KMS and the engine give it in.
func readPublicKey(name string) (*rsa.PublicKey, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxPublicKeyFile+1))
	if err != nil {
		return nil, err
	}
	defer clear(content) // It may be the wrong file.
	if len(content) > maxPublicKeyFile {
		return nil, errors.New("it is too large for a public key")
	}
	if block, _ := pem.Decode(content); block != nil {
		if strings.Contains(block.Type, "PRIVATE KEY") {
			return nil, errors.New("it holds a private key; KMS's public key is needed")
		}
		return client.ParseImportKey(block.Bytes)
	}
	if der, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(content))); err == nil {
		return client.ParseImportKey(der)
	}
	return client.ParseImportKey(content)
}

func openInput(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(os.Stdin), nil
	}
	return os.Open(name)
}

// writeLine writes to a new file called name, or to stdout if there is no name.
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
