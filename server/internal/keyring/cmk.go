package keyring

import (
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keystate"
)

// CMK is a customer master key, as it is stored.
type CMK struct {
	KeyID           string                 `json:"key_id"`
	Description     string                 `json:"description,omitempty"`
	ProtectionLevel kmsapi.ProtectionLevel `json:"protection_level"`
	CreationDate    time.Time              `json:"creation_date"`
	Lifecycle       keystate.Lifecycle     `json:"lifecycle"`
	// PrimaryVersion is the id of the version that encrypts; older ones only decrypt.
	PrimaryVersion string    `json:"primary_version"`
	Versions       []Version `json:"versions"`
	// Tags are values by keys. They are part of the record because there are [kmsapi.MaxTags] at most: so the limit is
	// checked without a search, and they can't outlive their CMK.
	Tags map[string]string `json:"tags,omitempty"`
}

// Version is one version of a CMK's key material.
type Version struct {
	ID           string    `json:"id"`
	CreationDate time.Time `json:"creation_date"`
	// Wrapped is the material under the root key, bound to the record's path; empty while there is none.
	Wrapped []byte `json:"wrapped,omitempty"`
	// Fingerprint recognizes imported material. It is kept from the first import on, also after the material is deleted.
	Fingerprint []byte `json:"fingerprint,omitempty"`
}

// Become sets the lifecycle. Material that the CMK no longer has in it is removed from the record.
func (c *CMK) Become(l keystate.Lifecycle) {
	c.Lifecycle = l
	if l.HasMaterial {
		return
	}
	for i := range c.Versions {
		c.Versions[i].Wrapped = nil
	}
}

// Allows returns nil if op is allowed in the state that the CMK has at now, and otherwise the error that refuses it.
func (c *CMK) Allows(op kmsapi.Operation, now time.Time) error {
	_, err := c.Lifecycle.Allow(op, now)
	return err
}

// settle brings the record to the state that it has at now. gone means that the deletion date has passed.
func (c *CMK) settle(now time.Time) (gone bool) {
	settled, gone := c.Lifecycle.Settle(now)
	c.Become(settled)
	return gone
}

func (c *CMK) version(id string) (*Version, bool) {
	for i := range c.Versions {
		if c.Versions[i].ID == id {
			return &c.Versions[i], true
		}
	}
	return nil, false
}
