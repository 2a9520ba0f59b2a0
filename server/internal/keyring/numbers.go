package keyring

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// The versions of a CMK are numbered from 0 in the order in which they were made, without gaps, since none is ever
// removed. So the primary version's number gives their count, and a page of them is found by number.

// CountVersions returns the number of versions of the CMK.
func (c *CMK) CountVersions() int { return c.Primary.Number + 1 }

// Versions returns a page of the versions of a CMK, the newest first. Pages are counted from 1. It reads no version of
// another page.
func (r Reader) Versions(cmk *CMK, number, size int) (Page[Version], error) {
	page := Page[Version]{Items: []Version{}, Total: cmk.CountVersions()}
	// The number of versions before a page beyond the last could overflow an int.
	if number > page.Total/size+1 {
		return page, nil
	}
	for n := cmk.Primary.Number - (number-1)*size; n >= 0 && len(page.Items) < size; n-- {
		version, err := r.numbered(cmk, n)
		if err != nil {
			return page, err
		}
		page.Items = append(page.Items, version)
	}
	return page, nil
}

// numbered returns the version of a CMK that has the number.
func (r Reader) numbered(cmk *CMK, number int) (Version, error) {
	if number == cmk.Primary.Number {
		return cmk.Primary, nil
	}
	path := r.scope.numberPath(cmk.KeyID, number)
	id, err := r.store.Get(path)
	if err != nil {
		return Version{}, fmt.Errorf("record %s: %w", path, err)
	}
	return r.Version(cmk, string(id))
}

// putNumber stores the number of a version that is not the primary one.
func (w Writer) putNumber(keyID string, version Version) error {
	return w.store.Put(w.scope.numberPath(keyID, version.Number), []byte(version.ID))
}

// numberVersions numbers the versions of all CMKs of a store of an earlier layout, most of whose versions have no
// number. Versions made in the same second are numbered in the order of their ids.
func numberVersions(w store.Writer, _ *crypt.RootKey) error {
	return eachIn(w, cmkPrefix, func(at location, value []byte) error {
		cmk, err := decodeCMK(at.path, at.name, value)
		if err != nil {
			return err
		}
		scoped := newWriter(w, at.scope, cmk.CreationDate)
		var earlier []Version
		err = scoped.eachEarlier(cmk.KeyID, func(version Version) error {
			earlier = append(earlier, version)
			return nil
		})
		if err != nil || len(earlier) == 0 {
			return err
		}
		slices.SortStableFunc(earlier, func(a, b Version) int {
			return cmp.Or(cmp.Compare(a.Number, b.Number), a.CreationDate.Compare(b.CreationDate))
		})
		for n, version := range earlier {
			version.Number = n
			if err := errors.Join(scoped.putEarlier(cmk.KeyID, version), scoped.putNumber(cmk.KeyID, version)); err != nil {
				return err
			}
		}
		cmk.Primary.Number = len(earlier)
		return w.Put(at.path, encode(cmk))
	})
}

// checkNumbers checks that a CMK has as many numbers as earlier versions. Each number's record is checked by
// [checker.number].
func (c *checker) checkNumbers(at location, cmk *CMK) {
	if cmk.Primary.Number == 0 {
		return
	}
	found := 0
	err := c.reader.Scan(at.scope.numbersPath(at.name), "", func(string, []byte) (bool, error) {
		found++
		return true, nil
	})
	switch {
	case err != nil:
		c.problem("%v", err)
	case found != cmk.Primary.Number:
		c.problem("record %q: it has %d earlier versions, and %d of them have a number", at.path, cmk.Primary.Number, found)
	}
}

// number checks the record that maps a number to a version.
func (c *checker) number(at location, value []byte) {
	keyID, text, _ := strings.Cut(at.name, "/")
	number, err := strconv.Atoi(text)
	if err != nil || at.scope.numberPath(keyID, number) != at.path {
		c.unknownKind(at.path)
		return
	}
	path := at.scope.cmkVersionPath(keyID, string(value))
	record, err := c.reader.Get(path)
	if err == nil {
		version, err := decodeVersion(path, string(value), record)
		if err != nil || version.Number == number {
			return // A record that does not decode is reported under its own path.
		}
	}
	c.problem("record %q: its key has no version %q with that number", at.path, value)
}
