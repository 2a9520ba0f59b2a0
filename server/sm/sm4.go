package sm

import (
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/sm4gcm"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
)

func init() {
	crypt.Register(kmsapi.KeySpecSM4, func(key []byte) crypt.Cipher {
		return sm4gcm.New((*[sm4gcm.KeySize]byte)(key))
	})
}
