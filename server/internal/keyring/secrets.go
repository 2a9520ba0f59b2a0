package keyring

import (
	"errors"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Secret returns the secret called name, or [kmsapi.ErrResourceNotFound].
func (r Reader) Secret(name string) (*Secret, error) {
	if !kmsapi.IsSecretName(name) {
		return nil, kmsapi.ErrResourceNotFound
	}
	secret, err := r.storedSecret(name)
	if errors.Is(err, store.ErrNotFound) || err == nil && secret.isGone(r.now) {
		return nil, kmsapi.ErrResourceNotFound
	}
	return secret, err
}

// storedSecret returns a secret as it was last written, or [store.ErrNotFound].
func (r Reader) storedSecret(name string) (*Secret, error) {
	path := r.scope.secretPath(name)
	value, err := r.store.Get(path)
	if err != nil {
		return nil, err
	}
	return decodeSecret(path, name, value)
}

// Secrets returns a page of all secrets, in the order of their names. Pages are counted from 1.
func (r Reader) Secrets(number, size int) (Page[*Secret], error) {
	gone, err := r.goneSecrets()
	if err != nil {
		return Page[*Secret]{}, err
	}
	return readPage(r.store, r.scope.secrets(), gone, number, size, func(name string, value []byte) (*Secret, error) {
		return decodeSecret(r.scope.secretPath(name), name, value)
	})
}

// FilteredSecrets returns a page of the secrets for which accepts returns true, in the order of their names. Pages are
// counted from 1. It reads only the secrets called names, or all secrets if there are no names.
func (r Reader) FilteredSecrets(
	number, size int, names []string, accepts func(*Secret) (bool, error),
) (page Page[*Secret], err error) {
	page.Items = []*Secret{}
	err = r.eachSecret(names, func(secret *Secret) error {
		accepted, err := accepts(secret)
		if err != nil || !accepted {
			return err
		}
		if page.Total/size == number-1 {
			page.Items = append(page.Items, secret)
		}
		page.Total++
		return nil
	})
	return page, err
}

// eachSecret visits the secrets called names, or all of them if there are no names, in the order of their names.
func (r Reader) eachSecret(names []string, visit func(*Secret) error) error {
	if len(names) == 0 {
		return r.scope.secrets().Walk(r.store, 0, func(name string, value []byte) (bool, error) {
			secret, err := decodeSecret(r.scope.secretPath(name), name, value)
			if err == nil && !secret.isGone(r.now) {
				err = visit(secret)
			}
			return err == nil, err
		})
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		secret, err := r.Secret(name)
		if err == nil {
			err = visit(secret)
		}
		if err != nil && !errors.Is(err, kmsapi.ErrResourceNotFound) {
			return err
		}
	}
	return nil
}

// CountSecrets returns the number of secrets, including those whose deletion is scheduled.
func (r Reader) CountSecrets() (int, error) {
	gone, err := r.goneSecrets()
	if err != nil {
		return 0, err
	}
	recorded, err := r.scope.secrets().Len(r.store)
	return recorded - len(gone), err
}

// goneSecrets returns the names, in order, of the secrets that are past their deletion date but not yet swept.
func (r Reader) goneSecrets() (names []string, err error) {
	err = eachUntil(r.store, secretDuePrefix, r.now, func(due dueCMK) error {
		if due.scope != r.scope {
			return nil
		}
		_, err := r.Secret(due.keyID)
		if errors.Is(err, kmsapi.ErrResourceNotFound) {
			names = append(names, due.keyID)
			return nil
		}
		return err
	})
	slices.Sort(names)
	return names, err
}

// FreeName makes sure that there is no secret called name, and removes one that is past its deletion date. If there is
// one, the error is [kmsapi.ErrResourceExists], or [kmsapi.ErrResourceInDeleteWindow] if its deletion is scheduled.
func (w Writer) FreeName(name string) error {
	before, err := w.storedSecret(name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	case before.isGone(w.now):
		return w.DeleteSecret(before)
	case !before.DeleteDate.IsZero():
		return kmsapi.ErrResourceInDeleteWindow
	default:
		return kmsapi.ErrResourceExists
	}
}

// AddSecret stores a new secret with the value of its only version, under a name that [Writer.FreeName] has found free.
func (w Writer) AddSecret(secret *Secret, value SecretValue) error {
	return errors.Join(
		w.putValue(secret.Name, secret.Versions[0].ID, value),
		w.store.Put(w.scope.secretPath(secret.Name), encode(secret)),
		w.scope.secrets().Add(w.store, secret.Name))
}

// PutSecret stores a secret that has changed in anything but its versions.
func (w Writer) PutSecret(secret *Secret) error {
	before, err := w.storedSecret(secret.Name)
	if err != nil {
		return err
	}
	if err := w.store.Put(w.scope.secretPath(secret.Name), encode(secret)); err != nil {
		return err
	}
	if before.DeleteDate.Equal(secret.DeleteDate) {
		return nil
	}
	if !before.DeleteDate.IsZero() {
		if err := w.store.Delete(w.scope.secretDuePath(before)); err != nil {
			return err
		}
	}
	if secret.DeleteDate.IsZero() {
		return nil
	}
	return w.store.Put(w.scope.secretDuePath(secret), nil)
}

// AddSecretVersion gives a secret a new version with the stages onto: see [stages.Stages.Put]. If the secret has too
// many versions, it removes one to make room.
func (w Writer) AddSecretVersion(secret *Secret, id string, value SecretValue, onto []string) (err error) {
	if secret.Stages, err = secret.Stages.Put(id, onto); err != nil {
		return err
	}
	secret.UpdateDate = w.now
	secret.Versions = append(secret.Versions, SecretVersion{ID: id, CreationDate: w.now})
	evicted, err := secret.Stages.Evict(secret.versionIDs())
	if err != nil {
		return err
	}
	if evicted >= 0 {
		if err := w.store.Delete(w.scope.secretValuePath(secret.Name, secret.Versions[evicted].ID)); err != nil {
			return err
		}
		secret.Versions = slices.Delete(secret.Versions, evicted, evicted+1)
	}
	return errors.Join(w.putValue(secret.Name, id, value), w.PutSecret(secret))
}

// DeleteSecret removes a secret with everything that belongs to it.
func (w Writer) DeleteSecret(secret *Secret) error {
	for _, version := range secret.Versions {
		if err := w.store.Delete(w.scope.secretValuePath(secret.Name, version.ID)); err != nil {
			return err
		}
	}
	if stored, err := w.storedSecret(secret.Name); err != nil {
		return err
	} else if !stored.DeleteDate.IsZero() {
		if err := w.store.Delete(w.scope.secretDuePath(stored)); err != nil {
			return err
		}
	}
	return errors.Join(
		w.PutSecretTags(secret.Name, nil),
		w.store.Delete(w.scope.secretPath(secret.Name)),
		w.scope.secrets().Remove(w.store, secret.Name))
}

// settleSecret removes a secret that is past its deletion date. It reads the secret again, since it may have been
// restored in the meantime.
func (w Writer) settleSecret(name string) error {
	secret, err := w.storedSecret(name)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil || !secret.isGone(w.now) {
		return err
	}
	return w.DeleteSecret(secret)
}
