package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// aliasRecord is an alias as it is stored, under its name.
//
// Beside it stands an entry without value under the CMK's id and the alias's name, so that a CMK's aliases are found
// without looking at all. Both are always written and deleted together.
type aliasRecord struct {
	KeyID        string    `json:"key_id"`
	CreationDate time.Time `json:"creation_date"`
}

// createAlias gives a CMK an alias (§4.14).
func (s *Service) createAlias(c *call, r *kmsapi.CreateAliasRequest) (*kmsapi.CreateAliasResponse, error) {
	return &kmsapi.CreateAliasResponse{}, s.store.Update(c.ctx, func(w store.Writer) error {
		if _, err := byID(r.KeyId).forUse(w, c, kmsapi.OpCreateAlias); err != nil {
			return err
		}
		switch _, _, err := getAlias(w, c.Scope, c.now, r.AliasName); {
		case err == nil:
			return kmsapi.ErrAliasAlreadyExists
		case !errors.Is(err, kmsapi.ErrAliasNotFound):
			return err
		}
		if err := s.roomForAlias(w, c); err != nil {
			return err
		}
		return putAlias(w, c.Scope, r.AliasName, aliasRecord{KeyID: r.KeyId, CreationDate: c.now})
	})
}

// updateAlias lets an alias name another CMK (§4.15). The state of the one that it named until now does not matter.
func (s *Service) updateAlias(c *call, r *kmsapi.UpdateAliasRequest) (*kmsapi.UpdateAliasResponse, error) {
	return &kmsapi.UpdateAliasResponse{}, s.store.Update(c.ctx, func(w store.Writer) error {
		if _, err := byID(r.KeyId).forUse(w, c, kmsapi.OpUpdateAlias); err != nil {
			return err
		}
		// Who takes the alias away from a CMK needs permission on that one too.
		alias, _, err := findAlias(w, c, r.AliasName)
		if err != nil {
			return err
		}
		alias.KeyID = r.KeyId
		return putAlias(w, c.Scope, r.AliasName, alias)
	})
}

// deleteAlias removes an alias, and leaves its CMK alone (§4.16).
func (s *Service) deleteAlias(c *call, r *kmsapi.DeleteAliasRequest) (*kmsapi.DeleteAliasResponse, error) {
	return &kmsapi.DeleteAliasResponse{}, s.store.Update(c.ctx, func(w store.Writer) error {
		record, err := byAlias(r.AliasName).forUse(w, c, kmsapi.OpDeleteAlias)
		if err != nil {
			return err
		}
		return dropAlias(w, c.Scope, r.AliasName, record.KeyID)
	})
}

// listAliases gives one page of the aliases of the account and region, in the order of their names (§4.17).
func (s *Service) listAliases(c *call, r *kmsapi.ListAliasesRequest) (*kmsapi.ListAliasesResponse, error) {
	found := newPage[kmsapi.AliasEntry](r.PageNumber, r.PageSize)
	err := s.store.View(c.ctx, func(reader store.Reader) error {
		gone, err := goneAliases(reader, c.Scope, c.now)
		if err != nil {
			return err
		}
		return found.fill(reader, aliasList(c.Scope), gone, func(name string, value []byte) (kmsapi.AliasEntry, error) {
			alias, err := decodeAlias(aliasPath(c.Scope, name), value)
			return aliasEntry(c.Scope, name, alias.KeyID), err
		})
	})
	if err != nil {
		return nil, err
	}
	return aliasPage(found), nil
}

// listAliasesByKeyId gives one page of a CMK's aliases, in the order of their names (§4.18).
func (s *Service) listAliasesByKeyId(c *call, r *kmsapi.ListAliasesByKeyIdRequest) (*kmsapi.ListAliasesByKeyIdResponse, error) {
	found := newPage[kmsapi.AliasEntry](r.PageNumber, r.PageSize)
	err := s.store.View(c.ctx, func(reader store.Reader) error {
		record, err := byID(r.KeyId).forUse(reader, c, kmsapi.OpListAliasesByKeyId)
		if err != nil {
			return err
		}
		return found.fill(reader, cmkAliasList(c.Scope, record.KeyID), nil, func(name string, _ []byte) (kmsapi.AliasEntry, error) {
			return aliasEntry(c.Scope, name, record.KeyID), nil
		})
	})
	if err != nil {
		return nil, err
	}
	return &kmsapi.ListAliasesByKeyIdResponse{ListAliasesResponse: *aliasPage(found)}, nil
}

// aliasEntry takes the name as it is in paths, without its prefix.
func aliasEntry(scope Scope, name, keyID string) kmsapi.AliasEntry {
	name = kmsapi.AliasPrefix + name
	return kmsapi.AliasEntry{AliasName: name, KeyId: keyID, AliasArn: aliasARN(scope, name)}
}

func aliasPage(found *page[kmsapi.AliasEntry]) *kmsapi.ListAliasesResponse {
	return &kmsapi.ListAliasesResponse{
		Aliases: kmsapi.AliasList{Alias: found.items}, PageNumber: found.number, PageSize: found.size, TotalCount: found.total,
	}
}

// findAlias is getAlias for the alias that a request names, which may be about the alias's CMK.
func findAlias(r store.Reader, c *call, name string) (aliasRecord, *cmkRecord, error) {
	alias, record, err := getAlias(r, c.Scope, c.now, name)
	if errors.Is(err, kmsapi.ErrAliasNotFound) {
		return alias, nil, c.absent(err)
	}
	if err != nil {
		return alias, nil, err
	}
	return alias, record, c.permitKey(record.KeyID)
}

// getAlias reads the alias called name and the CMK that it names. An alias goes with its CMK: once the deletion date of
// that one has come, the alias is not found either, whether or not the sweeper has been there.
func getAlias(r store.Reader, scope Scope, now time.Time, name string) (aliasRecord, *cmkRecord, error) {
	alias, err := readAlias(r, scope, name)
	if err != nil {
		return alias, nil, err
	}
	record, err := readCMK(r, scope, now, alias.KeyID)
	if errors.Is(err, kmsapi.ErrKeyNotFound) {
		return alias, nil, kmsapi.ErrAliasNotFound
	}
	return alias, record, err
}

// readAlias reads the alias called name, also of a CMK that is gone.
func readAlias(r store.Reader, scope Scope, name string) (alias aliasRecord, err error) {
	path := aliasPath(scope, name)
	value, err := r.Get(path)
	if errors.Is(err, store.ErrNotFound) {
		return alias, kmsapi.ErrAliasNotFound
	}
	if err != nil {
		return alias, err
	}
	return decodeAlias(path, value)
}

func decodeAlias(path string, value []byte) (alias aliasRecord, err error) {
	if err := json.Unmarshal(value, &alias); err != nil {
		return alias, fmt.Errorf("record %s: %w", path, err)
	}
	return alias, nil
}

// putAlias stores an alias under its name, and takes the name off the CMK that had it until now, if there is one.
func putAlias(w store.Writer, scope Scope, name string, alias aliasRecord) error {
	old, err := readAlias(w, scope, name)
	if err == nil {
		err = dropAlias(w, scope, name, old.KeyID)
	}
	if err != nil && !errors.Is(err, kmsapi.ErrAliasNotFound) {
		return err
	}
	if err := w.Put(cmkAliasPath(scope, alias.KeyID, name), nil); err != nil {
		return err
	}
	if err := putJSON(w, aliasPath(scope, name), alias); err != nil {
		return err
	}
	name = strings.TrimPrefix(name, kmsapi.AliasPrefix)
	return errors.Join(cmkAliasList(scope, alias.KeyID).Add(w, name), aliasList(scope).Add(w, name))
}

// dropAlias deletes the alias called name, which names the CMK keyID.
func dropAlias(w store.Writer, scope Scope, name, keyID string) error {
	if err := w.Delete(cmkAliasPath(scope, keyID, name)); err != nil {
		return err
	}
	if err := w.Delete(aliasPath(scope, name)); err != nil {
		return err
	}
	name = strings.TrimPrefix(name, kmsapi.AliasPrefix)
	return errors.Join(cmkAliasList(scope, keyID).Remove(w, name), aliasList(scope).Remove(w, name))
}

// dropAliasesOf deletes all aliases of a CMK.
func dropAliasesOf(w store.Writer, scope Scope, keyID string) error {
	return eachAlias(w, cmkAliasPath(scope, keyID, ""), func(name string) error { return dropAlias(w, scope, name, keyID) })
}

// eachAlias visits the aliases whose names stand in the store behind prefix, in order.
func eachAlias(r store.Reader, prefix string, visit func(name string) error) error {
	return r.Scan(prefix, "", func(path string, _ []byte) (bool, error) {
		return true, visit(kmsapi.AliasPrefix + strings.TrimPrefix(path, prefix))
	})
}

const (
	aliasPrefix    = "alias/"
	cmkAliasPrefix = "cmk-alias/"
)

// aliasPath is where the alias called name is, and the beginning of all such paths if name is empty.
func aliasPath(scope Scope, name string) string {
	return aliasPrefix + scope.path() + strings.TrimPrefix(name, kmsapi.AliasPrefix)
}

// cmkAliasPath is where it stands that a CMK has the alias called name, and the beginning of all such paths of the CMK if
// name is empty.
func cmkAliasPath(scope Scope, keyID, name string) string {
	return cmkAliasPrefix + scope.path() + keyID + "/" + strings.TrimPrefix(name, kmsapi.AliasPrefix)
}
