package main

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/durable"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/input"
)

// wrapParameters are what KMS gave for an import. Only a whole response has more than the key.
type wrapParameters struct {
	key importKey
	// algorithm is the algorithm that the key was requested with, and empty if the file does not say.
	algorithm string
	// token belongs to the key, and is empty if the file is the public key alone.
	token string
}

// maxParametersFile is larger than any public key, and than any response with one, in bytes.
const maxParametersFile = 64 << 10

// readParameters reads a public key in any of the encodings that KMS and the engine return, or the JSON of a whole
// response.
func readParameters(name string) (wrapParameters, error) {
	file, err := os.Open(name)
	if err != nil {
		return wrapParameters{}, withoutAt(name, err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxParametersFile+1))
	if err != nil {
		return wrapParameters{}, err
	}
	defer clear(content) // It may be the wrong file.
	if len(content) > maxParametersFile {
		return wrapParameters{}, errors.New("it is too large for a public key")
	}
	if bytes.HasPrefix(bytes.TrimSpace(content), []byte("{")) {
		return parseResponse(content)
	}
	key, err := parsePublicKey(content)
	return wrapParameters{key: key}, err
}

func parsePublicKey(content []byte) (importKey, error) {
	if block, _ := pem.Decode(content); block != nil {
		if strings.Contains(block.Type, "PRIVATE KEY") {
			return importKey{}, errors.New("it contains a private key; KMS's public key is needed")
		}
		if block.Type == "CERTIFICATE" {
			return importKey{}, errors.New("it contains a certificate; the public key that KMS returns for an import is needed")
		}
		return parseImportKey(block.Bytes)
	}
	if der, err := base64.StdEncoding.DecodeString(input.Unfold(string(content))); err == nil {
		return parseImportKey(der)
	}
	return parseImportKey(content)
}

// A parametersResponse is the response of the engine's import_parameters, which Vault puts into data, or that of KMS's
// GetParametersForImport.
type parametersResponse struct {
	Data *parametersResponse `json:"data"`

	EngineKey       string `json:"public_key"`
	EngineToken     string `json:"import_token"`
	EngineAlgorithm string `json:"wrapping_algorithm"`

	PublicKey, ImportToken string
}

// parseResponse requires a token: wrapping_key of the engine has a public key too, which KMS does not know.
func parseResponse(content []byte) (wrapParameters, error) {
	var r parametersResponse
	if err := json.Unmarshal(content, &r); err != nil {
		return wrapParameters{}, errors.New("it begins like JSON, but is not valid JSON")
	}
	if r.Data != nil {
		r = *r.Data
	}
	p := wrapParameters{algorithm: r.EngineAlgorithm, token: cmp.Or(r.EngineToken, r.ImportToken)}
	public := cmp.Or(r.EngineKey, r.PublicKey)
	if p.token == "" || public == "" {
		return p, errors.New("it is JSON, but not what the engine's import_parameters or KMS's GetParametersForImport answers")
	}
	var err error
	p.key, err = parsePublicKey([]byte(public))
	return p, err
}

// algorithmFor returns the algorithm to wrap with: given, else that of p. It is empty if neither says one.
func (p wrapParameters) algorithmFor(given string) (string, error) {
	if given != "" && p.algorithm != "" && given != p.algorithm {
		return "", fmt.Errorf("-algorithm is %s, and the public key was requested with %s", given, p.algorithm)
	}
	return cmp.Or(given, p.algorithm), nil
}

// withoutAt explains the error of a file that can't be opened, whose name its caller puts before it. A file may be
// missing because of an @, which the flags of other programs need.
func withoutAt(name string, err error) error {
	err = durable.Reason(err)
	if bare, found := strings.CutPrefix(name, "@"); found {
		if _, missing := os.Stat(bare); missing == nil {
			return fmt.Errorf("%w; did you mean %s, without the @?", err, bare)
		}
	}
	return err
}
