module github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/cluster

go 1.26.0

require (
	github.com/alicloudkms/vault-plugin-secrets-alicloudkms v0.0.0
	github.com/anishathalye/porcupine v1.3.1
	github.com/stretchr/testify v1.12.1
	golang.org/x/sync v0.24.0
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect

replace github.com/alicloudkms/vault-plugin-secrets-alicloudkms => ../..
