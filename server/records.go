package server

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keystate"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// cmkRecord is a CMK as it is stored.
type cmkRecord struct {
	KeyID           string                 `json:"key_id"`
	Description     string                 `json:"description,omitempty"`
	ProtectionLevel kmsapi.ProtectionLevel `json:"protection_level"`
	CreationDate    time.Time              `json:"creation_date"`
	Lifecycle       keystate.Lifecycle     `json:"lifecycle"`
	// PrimaryVersion is the id of the version that encrypts; older ones only decrypt.
	PrimaryVersion string          `json:"primary_version"`
	Versions       []versionRecord `json:"versions"`
	// Tags are values by keys. They stand here and not beside the record because there are [kmsapi.MaxTags] at most: so
	// the limit is checked without a search, and they can't outlive their CMK.
	Tags map[string]string `json:"tags,omitempty"`
}

// versionRecord is one version of a CMK's key material.
type versionRecord struct {
	ID           string    `json:"id"`
	CreationDate time.Time `json:"creation_date"`
	// Wrapped is the material under the root key, bound to the record's path; empty while there is none.
	Wrapped []byte `json:"wrapped,omitempty"`
	// Fingerprint knows imported material again. It is there from the first import on, also while the material is not.
	Fingerprint []byte `json:"fingerprint,omitempty"`
}

func (r *cmkRecord) version(id string) (*versionRecord, bool) {
	for i := range r.Versions {
		if r.Versions[i].ID == id {
			return &r.Versions[i], true
		}
	}
	return nil, false
}

// settle brings the record to what time alone has made of it by now. gone means that the deletion date has come.
func (r *cmkRecord) settle(now time.Time) (changed, gone bool) {
	settled, gone := r.Lifecycle.Settle(now)
	changed = settled != r.Lifecycle
	r.become(settled)
	return changed, gone
}

// become sets the lifecycle. Material that it says is gone is gone from the record.
func (r *cmkRecord) become(l keystate.Lifecycle) {
	r.Lifecycle = l
	if l.HasMaterial {
		return
	}
	for i := range r.Versions {
		r.Versions[i].Wrapped = nil
	}
}

// allows returns nil if op may run in the CMK's state, or why it may not.
func (r *cmkRecord) allows(c *call, op kmsapi.Operation) error {
	_, err := r.Lifecycle.Allow(op, c.now)
	return err
}

// metadata is the answer of CreateKey and DescribeKey.
func (r *cmkRecord) metadata(c *call) kmsapi.KeyMetadata {
	return kmsapi.KeyMetadata{
		KeyId:              r.KeyID,
		Arn:                keyARN(c, r.KeyID),
		KeyState:           r.Lifecycle.State,
		KeySpec:            kmsapi.KeySpecAES256,
		KeyUsage:           kmsapi.KeyUsageEncryptDecrypt,
		Origin:             r.Lifecycle.Origin,
		ProtectionLevel:    r.ProtectionLevel,
		Creator:            c.account,
		CreationDate:       wireTime(r.CreationDate),
		DeleteDate:         wireTime(r.Lifecycle.DeleteDate),
		MaterialExpireTime: wireTime(r.Lifecycle.MaterialExpireTime),
		Description:        r.Description,
		PrimaryKeyVersion:  r.PrimaryVersion,
		LastRotationDate:   wireTime(r.CreationDate),
		AutomaticRotation:  "Disabled",
	}
}

func wireTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(kmsapi.TimeFormat)
}

func keyARN(c *call, keyID string) string { return arn(c, "key/"+keyID) }

// aliasARN is the resource name of an alias, whose name has its prefix.
func aliasARN(c *call, name string) string { return arn(c, name) }

func arn(c *call, resource string) string {
	return "acs:kms:" + c.region + ":" + c.account + ":" + resource
}

const (
	cmkPrefix     = "cmk/"
	versionPrefix = "version/"
)

func cmkPath(c *call, keyID string) string { return cmkPrefix + scope(c) + keyID }

func versionPath(c *call, versionID string) string { return versionPrefix + scope(c) + versionID }

// materialPath is where a version's material is, for the root key: material that is moved elsewhere does not open.
func materialPath(c *call, keyID, versionID string) string {
	return cmkPath(c, keyID) + "/" + versionID
}

func scope(c *call) string { return c.account + "/" + c.region + "/" }

// isID keeps whatever is not an id out of storage paths.
func isID(id string) bool { return crypt.IsUUID(id) }

// getCMK reads the CMK called id, if the request may be about it, with its state as of now, and notes it for the audit line.
// A CMK whose deletion date has come is not found, whether or not the sweeper has been there.
func getCMK(r store.Reader, c *call, id string) (*cmkRecord, error) {
	if err := c.permitKey(id); err != nil {
		return nil, err
	}
	record, err := readCMK(r, c, id)
	if err != nil {
		return nil, err
	}
	c.keyID = id
	return record, nil
}

// readCMK is getCMK for a CMK that the request is not about.
func readCMK(r store.Reader, c *call, id string) (*cmkRecord, error) {
	if !isID(id) {
		return nil, kmsapi.ErrKeyNotFound
	}
	path := cmkPath(c, id)
	value, err := r.Get(path)
	if errors.Is(err, store.ErrNotFound) {
		return nil, kmsapi.ErrKeyNotFound
	}
	if err != nil {
		return nil, err
	}
	record, err := decodeCMK(path, value)
	if err != nil {
		return nil, err
	}
	if _, gone := record.settle(c.now); gone {
		return nil, kmsapi.ErrKeyNotFound
	}
	return record, nil
}

func putJSON(w store.Writer, path string, value any) error {
	encoded, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return w.Put(path, encoded)
}
