package alicloudkms

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
)

const (
	// formatVersions is the format of entries that have a table of versions. Earlier ones have none, and format 0.
	formatVersions = 1
	// formatEnvelope is the format of entries of keys that have an envelope id, which an earlier plugin can't use.
	formatEnvelope = 2
	// maxRows and maxEntry bound an entry, the latter in bytes. Consul takes 512 KiB, and Vault's raft 1 MiB.
	maxRows  = 400
	maxEntry = 256 << 10
	// rowRoom is the most bytes that a new version adds to an entry: a row with a 4096-bit RSA public key, and a CMK.
	rowRoom = 2 << 10
	// nearlyFull is the fullness above which callers are warned.
	nearlyFull = 0.9
)

// keyLayout is the JSON of an entry. Its key_id is not at the top, so that an earlier plugin refuses the entry as
// damaged: it would use only the first CMK, and drop the others when it writes.
type keyLayout struct {
	Format          int               `json:"format"`
	CMK             storedCMK         `json:"cmk"`
	Earlier         []storedCMK       `json:"earlier_cmks,omitempty"`
	Versions        versions.Table    `json:"versions"`
	Region          string            `json:"region"`
	KeySpec         string            `json:"key_spec,omitempty"`
	KeyUsage        string            `json:"key_usage,omitempty"`
	DeletionAllowed bool              `json:"deletion_allowed"`
	BoundContext    map[string]string `json:"bound_context,omitempty"`
	Derived         bool              `json:"derived,omitempty"`
	MinDecryption   int               `json:"min_decryption_version,omitempty"`
	MinEncryption   int               `json:"min_encryption_version,omitempty"`
	AutoRotate      int64             `json:"auto_rotate_period,omitempty"` // in seconds
	Generation      string            `json:"generation,omitempty"`
	Encryption      string            `json:"encryption,omitempty"`
	EnvelopeID      string            `json:"envelope_id,omitempty"`
}

// oldKeyLayout is the JSON of an entry of format 0.
type oldKeyLayout struct {
	storedCMK
	Region          string            `json:"region"`
	DeletionAllowed bool              `json:"deletion_allowed"`
	BoundContext    map[string]string `json:"bound_context,omitempty"`
	Generation      string            `json:"generation,omitempty"`
}

// MarshalJSON writes an entry in its own format.
func (e *keyEntry) MarshalJSON() ([]byte, error) {
	if e.format == 0 {
		return json.Marshal(oldKeyLayout{e.storedCMK, e.Region, e.DeletionAllowed, e.BoundContext, e.Generation})
	}
	format := e.format
	if e.EnvelopeID != (envelope.ID{}) {
		format = formatEnvelope
	}
	return json.Marshal(keyLayout{
		Format: format, CMK: e.storedCMK, Earlier: e.earlier, Versions: e.versions, Region: e.Region,
		KeySpec: e.KeySpec, KeyUsage: e.KeyUsage, DeletionAllowed: e.DeletionAllowed, BoundContext: e.BoundContext,
		Derived: e.Derived, MinDecryption: e.MinDecryption, MinEncryption: e.MinEncryption,
		AutoRotate: int64(e.AutoRotate / time.Second), Generation: e.Generation,
		Encryption: e.Encryption, EnvelopeID: e.shownID(),
	})
}

// encodeKey returns the storage entry of a key, and refuses one that is too large to be stored.
func encodeKey(name string, e *keyEntry) (*logical.StorageEntry, error) {
	stored, err := logical.StorageEntryJSON(keyPrefix+name, e)
	if err != nil {
		return nil, err
	}
	if e.withoutGeneration(len(stored.Value)) > maxEntry || len(e.versions.Rows) > maxRows {
		return nil, tooManyVersions(name)
	}
	return stored, nil
}

// withoutGeneration returns the size of the entry without its generation, which must still fit into a full entry.
func (e *keyEntry) withoutGeneration(size int) int {
	if e.Generation == "" {
		return size
	}
	return size - len(e.Generation) - len(`,"generation":""`)
}

// fullness is the share of the entry's room that is taken, from 0 to 1. At 1, another version may not fit.
func (e *keyEntry) fullness(name string) float64 {
	stored, err := logical.StorageEntryJSON(keyPrefix+name, e)
	if err != nil {
		return 1
	}
	rows, size := float64(len(e.versions.Rows))/maxRows, float64(len(stored.Value))/(maxEntry-rowRoom)
	return min(max(rows, size), 1)
}

func tooManyVersions(name string) error {
	return refusal.BadRequest("key %q has as many versions as an entry in Vault's storage can hold, which is %d of them, or %d KiB. Make room: rewrap what old versions have encrypted, raise min_decryption_version and min_encryption_version in the key's config, and drop the old versions with the key's trim",
		name, maxRows, maxEntry>>10)
}

// decodeKey reads an entry written by encodeKey, or by an earlier plugin.
func decodeKey(name string, stored []byte) (*keyEntry, error) {
	var found struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(stored, &found); err != nil {
		return nil, damagedKey(name, err)
	}
	switch found.Format {
	case 0:
		return decodeOldKey(name, stored)
	case formatVersions, formatEnvelope:
		return decodeVersions(name, stored)
	default:
		return nil, refusal.Internal("the stored entry of key %q has the format %d, which a later version of this plugin has written, and this one can't read. It stays as it is; use that version, or a later one, on every node of Vault",
			name, found.Format)
	}
}

func damagedKey(name string, reason error) error {
	return fmt.Errorf("the stored entry of key %q is damaged: %w", name, reason)
}

var errNoCMK = errors.New("it names no KMS key")

func decodeOldKey(name string, stored []byte) (*keyEntry, error) {
	var old oldKeyLayout
	if err := json.Unmarshal(stored, &old); err != nil {
		return nil, damagedKey(name, err)
	}
	if old.KeyID == "" {
		return nil, damagedKey(name, errNoCMK)
	}
	return &keyEntry{
		storedCMK: old.storedCMK, Region: old.Region, DeletionAllowed: old.DeletionAllowed, BoundContext: old.BoundContext,
		Generation: old.Generation, versions: versions.New(versions.Row{CMK: old.KeyID}),
	}, nil
}

func decodeVersions(name string, stored []byte) (*keyEntry, error) {
	var e keyLayout
	if err := json.Unmarshal(stored, &e); err != nil {
		return nil, damagedKey(name, err)
	}
	switch {
	case e.CMK.KeyID == "":
		return nil, damagedKey(name, errNoCMK)
	case e.Versions.First < 1 || len(e.Versions.Rows) == 0 || e.Versions.Current() != e.CMK.KeyID:
		return nil, damagedKey(name, errors.New("its newest version is not one of its KMS key"))
	}
	decoded := &keyEntry{
		format: e.Format, storedCMK: e.CMK, earlier: e.Earlier, versions: e.Versions, Region: e.Region,
		KeySpec: e.KeySpec, KeyUsage: e.KeyUsage, DeletionAllowed: e.DeletionAllowed, BoundContext: e.BoundContext,
		Derived: e.Derived, MinDecryption: e.MinDecryption, MinEncryption: e.MinEncryption,
		AutoRotate: time.Duration(e.AutoRotate) * time.Second, Generation: e.Generation, Encryption: e.Encryption,
	}
	if e.Format == formatVersions {
		return decoded, nil
	}
	if err := decoded.readDataKeys(e.EnvelopeID); err != nil {
		return nil, damagedKey(name, err)
	}
	return decoded, nil
}
