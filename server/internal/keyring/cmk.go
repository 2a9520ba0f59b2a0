package keyring

import (
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keystate"
)

// CMK is a customer master key: all that DescribeKey answers, and what Encrypt needs. Its record is small, whatever the
// CMK has gathered, because nearly every request reads it; tags and earlier versions have records of their own.
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
	// DeletionProtection refuses the deletion of the CMK.
	DeletionProtection            bool
	DeletionProtectionDescription string
	// InstanceID is the KMS instance that the CMK is in, and empty if it is in none. The form of KeyID does not tell.
	InstanceID string
	// Policy is the key policy in JSON, and empty if it is the default one.
	Policy string
	// Default marks the account's default key, which does not encrypt or decrypt for its owner.
	Default bool
	// Primary is the version that encrypts. Earlier versions only decrypt: see [Reader.Version].
	Primary Version
}

// Version is one version of a CMK's key material.
type Version struct {
	// ID is in the path of a version's record and not in its value; that of the primary version is in the CMK's.
	ID           string
	CreationDate time.Time
	// Number is how many versions the CMK had when this one was made. Versions that were made in the same second, or
	// while the clock was set back, keep their order by it, and a page of them is found by it.
	Number int
	// Wrapped is the material under the root key, bound to CMK and version; empty while there is none. It is the private
	// key if the CMK is asymmetric.
	Wrapped []byte
	// WrappedPublic is the public key of an asymmetric CMK, under the root key too; empty while there is no material.
	WrappedPublic []byte
	// Fingerprint recognizes imported material. It is kept from the first import on, also after the material is
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

// fields implements [record]. Its numbers are none of those of a CMK, whose record contains its primary version.
func (v *Version) fields(f *codec) {
	f.time(17, &v.CreationDate)
	f.bytes(18, &v.Wrapped)
	f.bytes(19, &v.Fingerprint)
	f.integer(20, &v.Number)
	f.bytes(24, &v.WrappedPublic)
}

// erase removes the material. The fingerprint of an imported one stays.
func (v *Version) erase() { v.Wrapped, v.WrappedPublic = nil, nil }

func decodeCMK(path, keyID string, value []byte) (*CMK, error) {
	cmk := &CMK{KeyID: keyID}
	return cmk, decode(path, value, cmk)
}

// Become sets the lifecycle. Material that the CMK no longer has in it is removed from the primary version;
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

// settle brings the record to the state that it has at now. gone means that the deletion date has passed.
func (c *CMK) settle(now time.Time) (gone bool) {
	settled, gone := c.Lifecycle.Settle(now)
	c.Become(settled)
	return gone
}
