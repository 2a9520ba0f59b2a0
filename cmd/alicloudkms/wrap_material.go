package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// wrapMaterial is key material for a CMK of a KeySpec. The caller clears its bytes.
type wrapMaterial struct {
	keySpec string
	bytes   []byte
}

// maxMaterialFile is larger than any private key in PEM, in bytes.
const maxMaterialFile = 16 << 10

// readMaterial reads key material. Its errors reveal nothing about the material.
func readMaterial(name string) (wrapMaterial, error) {
	file, err := openInput(name)
	if err != nil {
		return wrapMaterial{}, err
	}
	defer file.Close()
	buffer := make([]byte, maxMaterialFile+1)
	defer clear(buffer)
	n, err := io.ReadFull(file, buffer)
	if err == nil {
		return wrapMaterial{}, fmt.Errorf("it has more than %d bytes; %s", maxMaterialFile, wantedMaterial)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return wrapMaterial{}, err
	}
	return parseMaterial(buffer[:n])
}

// symmetricSpecs are the KeySpecs whose material is accepted. Its length tells them apart.
var symmetricSpecs = []string{kmsapi.KeySpecAES256, kmsapi.KeySpecSM4}

var wantedMaterial = fmt.Sprintf("key material has exactly %d raw bytes, for %s %d, or is a private key in PEM or DER",
	kmsapi.KeyMaterialSize, kmsapi.KeySpecSM4, kmsapi.MaterialSize(kmsapi.KeySpecSM4))

func parseMaterial(read []byte) (wrapMaterial, error) {
	for _, spec := range symmetricSpecs {
		if len(read) == kmsapi.MaterialSize(spec) {
			return wrapMaterial{spec, bytes.Clone(read)}, nil
		}
	}
	spec, pkcs8, err := client.ParsePrivateKey(read)
	if err == nil {
		return wrapMaterial{spec, pkcs8}, nil
	}
	if looksLikeKey := bytes.Contains(read, []byte("-----BEGIN")) || len(read) > maxHint; looksLikeKey {
		return wrapMaterial{}, fmt.Errorf("%w, and has %d bytes; %s", err, len(read), wantedMaterial)
	}
	return wrapMaterial{}, fmt.Errorf("it has %d bytes; %s%s", len(read), wantedMaterial, materialHint(read))
}

// maxHint is the length of symmetric key material in hexadecimal with a line break of Windows, the longest mistake that
// materialHint recognizes.
const maxHint = 2*kmsapi.KeyMaterialSize + 2

// materialHint recognizes the usual mistakes with symmetric key material.
func materialHint(read []byte) string {
	trimmed := bytes.TrimRight(read, "\r\n")
	for _, spec := range symmetricSpecs {
		if hint := hintFor(kmsapi.MaterialSize(spec), read, trimmed); hint != "" {
			return hint
		}
	}
	return ""
}

// hintFor is materialHint for material of size bytes. trimmed is what was read, without line breaks at its end.
func hintFor(size int, read, trimmed []byte) string {
	decoded := make([]byte, len(read))
	defer clear(decoded)
	switch n, err := base64.StdEncoding.Decode(decoded, trimmed); {
	case len(read) == 2*size || len(trimmed) == 2*size:
		return " (if it is hexadecimal, decode it first: xxd -r -p)"
	case err == nil && n == size:
		return " (it is base64: decode it first, with base64 -d)"
	case len(trimmed) == size:
		return " (it ends with a line break)"
	default:
		return ""
	}
}
