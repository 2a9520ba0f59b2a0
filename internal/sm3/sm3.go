// Package sm3 gives package signing the hash function SM3 of GB/T 32905. A program that imports it signs data with keys
// on SM2, and not only digests. It is a package of its own so that no other program links github.com/emmansun/gmsm,
// which is outside of Go's FIPS 140-3 module and certified by nobody.
package sm3

import (
	"github.com/emmansun/gmsm/sm3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/signing"
)

func init() { signing.RegisterSM3(sm3.New) }
