package keyring

import (
	"slices"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/stages"
)

// Secret is a secret without its values and tags, which have records of their own. Its record decides which values
// exist: every step that adds or removes a value changes the record in the same transaction.
type Secret struct {
	// Name is in the record's path and not in its value.
	Name                     string
	CreationDate, UpdateDate time.Time
	// DeleteDate is when the secret is deleted, or zero if no deletion is scheduled.
	DeleteDate  time.Time
	Description string
	// KeyID is the CMK that encrypts the values, or empty if the root key does.
	KeyID string
	// InstanceID is the KMS instance that the secret is in, or empty if it is in none.
	InstanceID string
	// Policy is the secret's policy in JSON, or empty if it is the default policy.
	Policy string
	Stages stages.Stages
	// Versions are at most [kmsapi.MaxSecretVersions], the oldest first.
	Versions []SecretVersion
}

// SecretVersion is one version of a secret, without its value.
type SecretVersion struct {
	ID           string
	CreationDate time.Time
}

// NewSecret makes a secret with its first version, which [Writer.AddSecret] stores.
func NewSecret(name, versionID string, now time.Time) *Secret {
	return &Secret{
		Name: name, CreationDate: now, UpdateDate: now, Stages: stages.New(versionID),
		Versions: []SecretVersion{{ID: versionID, CreationDate: now}},
	}
}

// fields implements [record].
func (s *Secret) fields(f *codec) {
	f.time(1, &s.CreationDate)
	f.time(2, &s.UpdateDate)
	f.time(3, &s.DeleteDate)
	str(f, 4, &s.Description)
	str(f, 5, &s.KeyID)
	str(f, 6, &s.InstanceID)
	f.pairs(7, s.Stages)
	nested(f, 8, &s.Versions)
	str(f, 9, &s.Policy)
}

// fields implements [record].
func (v *SecretVersion) fields(f *codec) {
	str(f, 1, &v.ID)
	f.time(2, &v.CreationDate)
}

func decodeSecret(path, name string, value []byte) (*Secret, error) {
	secret := &Secret{Name: name, Stages: stages.Stages{}}
	return secret, decode(path, value, secret)
}

// Version returns the version called id.
func (s *Secret) Version(id string) (version SecretVersion, ok bool) {
	at := slices.IndexFunc(s.Versions, func(v SecretVersion) bool { return v.ID == id })
	if at < 0 {
		return version, false
	}
	return s.Versions[at], true
}

// versionIDs returns the ids of all versions, the oldest first.
func (s *Secret) versionIDs() (ids []string) {
	for _, version := range s.Versions {
		ids = append(ids, version.ID)
	}
	return ids
}

// InDeleteWindow returns [kmsapi.ErrResourceInDeleteWindow] if the secret's deletion is scheduled.
func (s *Secret) InDeleteWindow() error {
	if s.DeleteDate.IsZero() {
		return nil
	}
	return kmsapi.ErrResourceInDeleteWindow
}

// isGone reports whether the deletion date has passed.
func (s *Secret) isGone(now time.Time) bool {
	return !s.DeleteDate.IsZero() && !now.Before(s.DeleteDate)
}
