package server

import "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/gate"

// Digests returns what a node with c says about its root key and its configuration.
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
