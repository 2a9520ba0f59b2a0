package alicloudkms

import (
	// The engine of these tests signs data with keys on SM2, as the plugin does.
	_ "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/sm3"
)
