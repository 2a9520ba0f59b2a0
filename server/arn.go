package server

import "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"

// arn is the resource name of a CMK ("key/" and its id), an alias (its name with prefix) or all of a kind.
func arn(scope keyring.Scope, resource string) string {
	return "acs:kms:" + scope.Region + ":" + scope.Account + ":" + resource
}

func keyARN(scope keyring.Scope, keyID string) string { return arn(scope, "key/"+keyID) }
