package keyring

import (
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keystate"
)

// CMK is a customer master key: everything that DescribeKey returns and Encrypt needs. Its record stays small, because
// nearly every request reads it; tags and earlier versions have records of their own.
type CMK struct {
	// KeyID is in the record's path and not in its value.
	KeyID           string
	CreationDate    time.Time
	Description     string
	KeySpec         string
	KeyUsage        string
	ProtectionLevel kmsapi.ProtectionLevel
	Lifecycle       keystate.Lifecycle
	// RotationInterval is how often the CMK is rotated automatically; zero means never. The last rotation is when
	// Primary was created, and the next one is due an interval later.
	RotationInterval time.Duration
	// DeletionProtection means that the CMK's deletion is refused.
	DeletionProtection            bool
	DeletionProtectionDescription string
	// InstanceID is the KMS instance that the CMK is in, or empty if it is in none. KeyID does not reveal it.
	InstanceID string
	// Policy is the key policy in JSON, or empty if it is the default policy.
	Policy string
	// Default marks the account's default key, which does not encrypt or decrypt for its owner.
	Default bool
	// Primary is the version that encrypts. Earlier versions can only decrypt: see [Reader.Version].
	Primary Version
}

// Version is one version of a CMK's key material.
type Version struct {
	// ID is in the path of a version's record and not in its value. For the primary version it is in the CMK's record.
	ID           string
	CreationDate time.Time
	// Number is how many versions the CMK had when this one was made. It orders versions that were made in the same
	// second or after the clock was set back, and pages of versions are found by it.
	Number int
	// Wrapped is the material (the private key if the CMK is asymmetric), wrapped by the root key and bound to CMK and
	// version; empty while there is none.
	Wrapped []byte
	// WrappedPublic is the public key of an asymmetric CMK, wrapped by the root key too; empty while there is no
	// material.
	WrappedPublic []byte
	// Fingerprint recognizes imported material. It is kept from the first import on, even after the material is
	// deleted.
	Fingerprint []byte
}

// fields implements [record].
func (c *CMK) fields(f *codec) {
	f.time(1, &c.CreationDate)
	str(f, 2, &c.Description)
	str(f, 3, &c.KeySpec)
	str(f, 4, &c.KeyUsage)
	str(f, 5, &c.ProtectionLevel)
	str(f, 6, &c.Lifecycle.State)
	str(f, 7, &c.Lifecycle.Origin)
	f.flag(8, &c.Lifecycle.HasMaterial)
	f.time(9, &c.Lifecycle.DeleteDate)
	f.time(10, &c.Lifecycle.MaterialExpireTime)
	f.seconds(11, &c.RotationInterval)
	f.flag(12, &c.DeletionProtection)
	str(f, 13, &c.DeletionProtectionDescription)
	str(f, 14, &c.InstanceID)
	f.flag(15, &c.Default)
	str(f, 16, &c.Primary.ID)
	c.Primary.fields(f)
	str(f, 25, &c.Policy)
}

// fields implements [record]. Its numbers differ from those of a CMK, whose record contains its primary version.
func (v *Version) fields(f *codec) {
	f.time(17, &v.CreationDate)
	f.bytes(18, &v.Wrapped)
	f.bytes(19, &v.Fingerprint)
	f.integer(20, &v.Number)
	f.bytes(24, &v.WrappedPublic)
}

// erase removes the material. The fingerprint of imported material stays.
func (v *Version) erase() { v.Wrapped, v.WrappedPublic = nil, nil }

func decodeCMK(path, keyID string, value []byte) (*CMK, error) {
	cmk := &CMK{KeyID: keyID}
	return cmk, decode(path, value, cmk)
}

// Become sets the lifecycle. If a CMK has no material in the new state, that of the primary version is removed;
// [Writer.PutCMK] removes it from the others.
func (c *CMK) Become(l keystate.Lifecycle) {
	c.Lifecycle = l
	if !l.HasMaterial {
		c.Primary.erase()
	}
}

// Allows returns nil if op is allowed in the state that the CMK has at now, and otherwise the error that refuses it.
func (c *CMK) Allows(op kmsapi.Operation, now time.Time) error {
	_, err := c.Lifecycle.Allow(op, now)
	return err
}

// settle updates the CMK to its state at now. gone means that the deletion date has passed.
func (c *CMK) settle(now time.Time) (gone bool) {
	settled, gone := c.Lifecycle.Settle(now)
	c.Become(settled)
	return gone
}
