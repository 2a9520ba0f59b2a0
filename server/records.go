package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keystate"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// schemaVersion is the version of the storage layout in doc.go.
const schemaVersion = 1

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
}

// versionRecord is one version of a CMK's key material.
type versionRecord struct {
	ID           string    `json:"id"`
	CreationDate time.Time `json:"creation_date"`
	// Wrapped is the material under the root key, bound to the record's path; empty while there is none.
	Wrapped []byte `json:"wrapped,omitempty"`
}

func (r *cmkRecord) version(id string) (*versionRecord, bool) {
	for i := range r.Versions {
		if r.Versions[i].ID == id {
			return &r.Versions[i], true
		}
	}
	return nil, false
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

func keyARN(c *call, keyID string) string {
	return "acs:kms:" + c.region + ":" + c.account + ":key/" + keyID
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

// uuidForm keeps what is not an id out of storage paths.
var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

const aliasPrefix = "alias/"

// getCMK reads the CMK called id, with its state as of now. A CMK whose deletion date has come is not found, whether or
// not the sweeper has been there.
func getCMK(r store.Reader, c *call, id string) (*cmkRecord, error) {
	if !uuidForm.MatchString(id) {
		return nil, kmsapi.ErrKeyNotFound
	}
	value, err := r.Get(cmkPath(c, id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, kmsapi.ErrKeyNotFound
	}
	if err != nil {
		return nil, err
	}
	record, err := decodeCMK(value)
	if err != nil {
		return nil, fmt.Errorf("record of CMK %s: %w", id, err)
	}
	settled, gone := record.Lifecycle.Settle(c.now)
	if gone {
		return nil, kmsapi.ErrKeyNotFound
	}
	record.Lifecycle = settled
	c.keyID = id
	return record, nil
}

func decodeCMK(value []byte) (*cmkRecord, error) {
	record := &cmkRecord{}
	if err := json.Unmarshal(value, record); err != nil {
		return nil, err
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

// resolveKeyID turns the KeyId parameter of an operation that takes aliases into a CMK's id.
func resolveKeyID(keyID string) (string, error) {
	if strings.HasPrefix(keyID, aliasPrefix) {
		return "", kmsapi.ErrAliasNotFound
	}
	return keyID, nil
}

// refuseAlias is for the operations that take no alias.
func refuseAlias(keyID string) error {
	if strings.HasPrefix(keyID, aliasPrefix) {
		return kmsapi.ErrUnsupportedAlias
	}
	return nil
}
