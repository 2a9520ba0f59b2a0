package alicloudkms

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// keySpecFields are the fields that choose the kind of a new key.
func keySpecFields() fields.Schemas {
	return fields.Schemas{
		"type": {
			Type:        framework.TypeString,
			Description: "The type of the key, by transit's name: aes256-gcm96 (default), rsa-2048, rsa-3072, rsa-4096 or ecdsa-p256.",
		},
		"key_spec": {
			Type:        framework.TypeString,
			Description: "The KeySpec of the KMS key instead of type, for those that transit has no name for, such as EC_P256K, EC_SM2 or Aliyun_SM4.",
		},
		"key_usage": {
			Type:        framework.TypeString,
			Description: "What the key is for. A key pair signs (SIGN/VERIFY) by default; an RSA key, or one on SM2, may be for ENCRYPT/DECRYPT instead.",
		},
	}
}

// A keySpecChoice is the kind of key that a caller wants.
type keySpecChoice struct {
	// spec and usage are empty for KMS's defaults.
	spec, usage string
	// warning says what differs from the caller's request. It may be empty.
	warning string
}

// chooseKeySpec reads the fields that choose the kind of a new key.
func chooseKeySpec(d *framework.FieldData) (chosen keySpecChoice, err error) {
	named, given := d.Get("type").(string), d.Get("key_spec").(string)
	chosen.spec = given
	if named != "" {
		if chosen.spec, chosen.warning, err = specOfType(named); err != nil {
			return chosen, err
		}
		if given != "" && given != chosen.spec {
			return chosen, refusal.BadRequest("give type or key_spec, not both: the type %s is the key_spec %s",
				named, chosen.spec)
		}
	}
	if chosen.spec != "" && !slices.Contains(kmsapi.KeySpecs(), chosen.spec) {
		return chosen, refusal.BadRequest("key_spec must be one of %s", strings.Join(kmsapi.KeySpecs(), ", "))
	}
	usages := kmsapi.KeyUsages(cmp.Or(chosen.spec, kmsapi.KeySpecAES256))
	if chosen.usage = d.Get("key_usage").(string); chosen.usage != "" && !slices.Contains(usages, chosen.usage) {
		return chosen, refusal.BadRequest("key_usage must be %s for a key of the type %s",
			strings.Join(usages, " or "), typeOfSpec(chosen.spec))
	}
	return chosen, nil
}

// choose asks for a key of that kind.
func (n *newKey) choose(kind keySpecChoice) {
	n.cmk.KeySpec, n.cmk.KeyUsage, n.warning = kind.spec, kind.usage, kind.warning
}

// checkKept refuses a key that can't keep the settings of the one that it replaces.
func (n *newKey) checkKept(old *keyEntry) error {
	if n.encryption == encryptionEnvelope {
		return checkBoundForDataKeys(old.BoundContext)
	}
	switch {
	case !kmsapi.IsAsymmetric(n.cmk.KeySpec):
		return nil
	case len(old.BoundContext) > 0:
		return errBindsNothing("bound_context")
	case old.Derived && n.derived == nil:
		return errBindsNothing("derived")
	default:
		return nil
	}
}

// checkBinding refuses a key pair with settings that bind a context.
func (n *newKey) checkBinding() error {
	if kmsapi.IsAsymmetric(n.cmk.KeySpec) && n.derived != nil && *n.derived {
		return errBindsNothing("derived")
	}
	return nil
}
