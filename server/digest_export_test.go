package server

import "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/gate"

// Digests returns the digests of the root key and configuration that a node with c sends to its peers.
func Digests(c Config) (rootKey, config []byte, err error) {
	root, err := loadRootKey(c)
	if err != nil {
		return nil, nil, err
	}
	defer root.Clear()
	credentials, err := gate.LoadCredentials(c)
	if err != nil {
		return nil, nil, err
	}
	if rootKey, err = digestRootKey(root); err != nil {
		return nil, nil, err
	}
	config, err = digestConfig(root, c, credentials)
	return rootKey, config, err
}
