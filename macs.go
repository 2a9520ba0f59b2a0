package alicloudkms

import (
	"context"
	"crypto/hmac"
	"fmt"

	"github.com/hashicorp/vault/sdk/framework"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

// A noDataKeyError says that a key has no data key to make HMACs with, as far as the entry shows.
type noDataKeyError struct{ key string }

func (e *noDataKeyError) Error() string {
	return fmt.Sprintf("the key has no data key, which an HMAC needs, because KMS makes none with keys that encrypt; write encryption=envelope to keys/%s/config", e.key)
}

// mustMAC refuses a key that has no data keys.
func (k target) mustMAC() error {
	switch {
	case k.entry.isAsymmetric():
		return refusal.BadRequest("the key is of the type %s, and an HMAC needs a symmetric key with data keys; make one with encryption=envelope",
			typeOfSpec(k.entry.KeySpec))
	case len(k.entry.dataKeys) == 0:
		return &noDataKeyError{k.name}
	default:
		return nil
	}
}

// chooseMACKey returns the data key that makes an HMAC: the one of the version that the caller asks for, or the newest
// data key if asked is 0. In direct mode, the newest data key is not the newest version, and the key may no longer
// accept its HMACs.
func (k target) chooseMACKey(asked int) (*dataKey, error) {
	if asked != 0 {
		return k.entry.chooseDataKey(asked)
	}
	newest := k.entry.newestDataKey()
	if oldest := k.entry.oldestToMake(); newest.version < oldest {
		return nil, refusal.BadRequest("the newest data key of the key is version %d, and the key makes nothing with versions before %d: see its min_encryption_version and min_decryption_version. For a new data key, write encryption=envelope to keys/%s/config",
			newest.version, oldest, k.name)
	}
	return newest, nil
}

// newestDataKey returns the newest data key, and nil if there is none.
func (e *keyEntry) newestDataKey() *dataKey {
	for n := e.versions.Newest(); n >= e.versions.First; n-- {
		if row := e.dataKeys[n]; row != nil {
			return row
		}
	}
	return nil
}

// macKeyOf returns the data key that an HMAC names, and the HMAC without its prefix. Only verifying shows whether that
// data key made it.
func (e *keyEntry) macKeyOf(given string) (row *dataKey, sum []byte, err error) {
	n, made, err := e.versionOf("hmac", given)
	if err != nil {
		return nil, nil, err
	}
	if sum, err = canonicalBase64(made); err != nil {
		return nil, nil, refusal.BadRequest("hmac is malformed: what follows vault:vN: is not canonical base64")
	}
	switch row = e.dataKeys[n]; {
	case n < e.versions.First:
		return nil, nil, refusal.BadRequest(
			"hmac is of version %d, whose data key was lost before the key was registered: unlike a ciphertext, an HMAC does not carry it",
			n)
	case row == nil:
		return nil, nil, refusal.BadRequest(
			"hmac is of version %d, which is a version of the KMS key: only data keys make HMACs", n)
	default:
		return row, sum, nil
	}
}

// verifyMAC verifies an HMAC. It costs no call to KMS if the data key is cached.
func (b *backend) verifyMAC(
	ctx context.Context, c *connection, k target, hashes []string, item *framework.FieldData,
) (itemAnswer, error) {
	if err := k.mustMAC(); err != nil {
		return itemAnswer{}, ofOptions(err)
	}
	if fields.String(item, "context") != "" {
		return itemAnswer{}, refusal.BadRequest("the field %q can't be used: no context is bound to an HMAC", "context")
	}
	row, given, err := k.entry.macKeyOf(fields.String(item, "hmac"))
	if err != nil {
		return itemAnswer{}, err
	}
	sum, err := b.mac(ctx, c, k, row, hashes, item)
	if err != nil {
		return itemAnswer{}, err
	}
	return itemAnswer{valid: new(hmac.Equal(sum, given))}, nil
}

// mac returns the HMAC of the input of an item with a data key.
func (b *backend) mac(
	ctx context.Context, c *connection, k target, row *dataKey, hashes []string, item *framework.FieldData,
) (sum []byte, err error) {
	newHash, err := hashNamed(hashes)
	if err != nil {
		return nil, ofOptions(err)
	}
	input, err := inputOf(item)
	if err != nil {
		return nil, err
	}
	err = b.withDataKey(ctx, c, k, k.ofRow(c, row), func(key *envelope.Key) error {
		h, err := key.NewMAC(newHash, k.entry.EnvelopeID, uint32(row.version))
		if err != nil {
			return err
		}
		h.Write(input)
		sum = h.Sum(nil)
		return nil
	})
	return sum, err
}

// inputOf returns the bytes that are signed or authenticated. They may be empty, but must be given.
func inputOf(item *framework.FieldData) ([]byte, error) {
	if _, given := item.Raw["input"]; !given {
		return nil, refusal.BadRequest("input is required, in base64")
	}
	return fields.Base64("input", fields.String(item, "input"))
}
