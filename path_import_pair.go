package alicloudkms

import (
	"crypto/rsa"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/keywrap"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// specFor returns the KeySpec of the CMK that gets the material: the key's, or that of the key to be made. It may be
// empty for a symmetric key.
func (i *keyImport) specFor(k target) (string, error) {
	if k.entry == nil && i.encryption == encryptionEnvelope {
		return "", i.mayBeEnvelope()
	}
	if k.entry == nil {
		return i.cmk.KeySpec, nil
	}
	if spec := k.entry.keySpec(); i.cmk.KeySpec != "" && i.cmk.KeySpec != spec {
		return "", refusal.BadRequest("key %q exists, and is of the type %s, not %s",
			k.name, typeOfSpec(spec), typeOfSpec(i.cmk.KeySpec))
	}
	return k.entry.KeySpec, nil
}

// unwrapPair returns the private key that transit's client wrapped, in PKCS#8. It must be of the KeySpec. The caller
// must clear it.
func (i *keyImport) unwrapPair(key *rsa.PrivateKey, keySpec string) ([]byte, error) {
	private, err := keywrap.UnwrapPair(key, i.newHash, i.ciphertext)
	if err != nil {
		return nil, refusal.BadRequest("the field %q %s", "ciphertext", err)
	}
	defer clear(private)
	found, pkcs8, err := client.ParsePrivateKey(private)
	if err != nil {
		return nil, refusal.BadRequest("what the field %q wraps can't be imported: %s", "ciphertext", err)
	}
	if found != keySpec {
		clear(pkcs8)
		return nil, refusal.BadRequest("the field %q wraps a private key of the type %s, and the key is of the type %s",
			"ciphertext", typeOfSpec(found), typeOfSpec(keySpec))
	}
	return pkcs8, nil
}

// defaultWrapping returns the wrapping algorithm for key material of a KeySpec, unless the caller chooses another.
func defaultWrapping(keySpec string) string {
	if those := kmsapi.WrappingAlgorithms(keySpec); len(those) == 1 {
		return those[0]
	}
	return kmsapi.WrapOAEPSHA256
}

// errUnopenedOnly is for a private key that the engine would have to wrap for KMS without having SM2.
var errUnopenedOnly = refusal.BadRequest(
	"a private key on SM2 can't be imported with ciphertext, because KMS accepts it only encrypted with SM2, which this engine can't do. Make a key with key_spec=%s origin=%s, encrypt the private key with alicloudkms wrap for the public_key of its import_parameters, and import encrypted_key_material with import_token; for another version of a key, import it into a KMS key with a name of its own, and rotate to that with key_id",
	kmsapi.KeySpecSM2, kmsapi.OriginExternal)
