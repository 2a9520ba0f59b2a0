package kmsprovider

import (
	"errors"
	"regexp"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// clusterName excludes everything that could make an encryption context ambiguous, such as the & before one of the
// secrets engine's own names.
var clusterName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$`)

var errCluster = errors.New("it must have 1 to 128 letters, digits and . _ : / -, and begin with a letter or digit")

// CheckCluster refuses what can't be the name of a cluster. Its errors end a sentence about the name.
func CheckCluster(name string) error {
	if !clusterName.MatchString(name) {
		return errCluster
	}
	return nil
}

// contextOf is the encryption context of everything that a cluster stores.
func contextOf(cluster string) kmsapi.EncryptionContext {
	return kmsapi.EncryptionContext{clusterContext: cluster}
}
