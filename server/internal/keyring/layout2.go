package keyring

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keystate"
)

// cmk2 is a CMK as layouts 1 and 2 stored it: in one JSON record, with all versions and tags.
type cmk2 struct {
	KeyID           string                 `json:"key_id"`
	Description     string                 `json:"description"`
	ProtectionLevel kmsapi.ProtectionLevel `json:"protection_level"`
	CreationDate    time.Time              `json:"creation_date"`
	Lifecycle       lifecycle2             `json:"lifecycle"`
	PrimaryVersion  string                 `json:"primary_version"`
	Versions        []version2             `json:"versions"`
	Tags            Tags                   `json:"tags"`
}

type lifecycle2 struct {
	State              kmsapi.KeyState
	Origin             kmsapi.Origin
	HasMaterial        bool
	DeleteDate         time.Time
	MaterialExpireTime time.Time
}

type version2 struct {
	ID           string    `json:"id"`
	CreationDate time.Time `json:"creation_date"`
	Wrapped      []byte    `json:"wrapped"`
	Fingerprint  []byte    `json:"fingerprint"`
}

type alias2 struct {
	KeyID        string    `json:"key_id"`
	CreationDate time.Time `json:"creation_date"`
}

func decode2[T any](path string, value []byte) (record T, err error) {
	if err := json.Unmarshal(value, &record); err != nil {
		return record, fmt.Errorf("record %s: %w", path, err)
	}
	return record, nil
}

// cmk returns the CMK in the current form. If the primary version is missing, it has no material.
func (c cmk2) cmk() *CMK {
	cmk := &CMK{
		KeyID:           c.KeyID,
		CreationDate:    c.CreationDate,
		Description:     c.Description,
		KeySpec:         kmsapi.KeySpecAES256,
		KeyUsage:        kmsapi.KeyUsageEncryptDecrypt,
		ProtectionLevel: c.ProtectionLevel,
		Lifecycle:       keystate.Lifecycle(c.Lifecycle),
		Primary:         Version{ID: c.PrimaryVersion},
	}
	for _, v := range c.Versions {
		if v.ID == c.PrimaryVersion {
			cmk.Primary = v.version()
		}
	}
	return cmk
}

func (v version2) version() Version {
	return Version{ID: v.ID, CreationDate: v.CreationDate, Wrapped: v.Wrapped, Fingerprint: v.Fingerprint}
}

// earlier returns the versions that are not the primary one, with numbers in their order.
func (c cmk2) earlier() (versions []Version) {
	for _, v := range c.Versions {
		if v.ID != c.PrimaryVersion {
			version := v.version()
			version.Number = len(versions)
			versions = append(versions, version)
		}
	}
	return versions
}

func (a alias2) alias(name string) Alias {
	return Alias{Name: name, KeyID: a.KeyID, CreationDate: a.CreationDate}
}
