package server

import (
	"os"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/api"
)

// loadInstances returns the KMS instances of c, with the content of the files that they name.
func loadInstances(c Config) (api.Instances, error) {
	var all api.Instances
	for _, i := range c.AllInstances() {
		chain, err := loadChain(i.CACertFile)
		if err != nil {
			return nil, gatewayError(i.ID, err)
		}
		all = append(all, api.Instance{Instance: i, CACertificates: chain})
	}
	return all, nil
}

// loadChain reads a PEM file. Its lines end in CR LF, as those of the real service do.
func loadChain(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return strings.ReplaceAll(strings.ReplaceAll(string(content), "\r\n", "\n"), "\n", "\r\n"), nil
}
