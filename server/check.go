package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/list"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/replay"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// Report is what [Check] has found.
type Report struct {
	// Records and Keys count what the store holds: all records, and CMKs.
	Records, Keys int
	// Problems are sentences, one for each thing that is wrong. There is no secret in them.
	Problems []string
}

// Check reads a whole store: the structure of its file, every record, the indices in both directions, and the material of
// every key version, which it opens with the root key of c. It changes nothing. path is the store's file, or a backup of it;
// "" means that of c. An error says that the check could not be done; a service that has the store open is one reason.
func Check(ctx context.Context, c Config, path string) (Report, error) {
	if path == "" {
		path = c.Storage.Path
	}
	root, err := crypt.LoadRootKey(c.RootKey.File)
	if err != nil {
		return Report{}, err
	}
	defer root.Clear()
	k := &checker{root: root, nonces: replay.New(replay.Options{}), lists: map[string]bool{}, states: map[string]*tally{}}
	archive, err := bolt.OpenArchive(path)
	if errors.Is(err, store.ErrDamaged) {
		k.problem("%v", err)
		return k.report, nil
	}
	if err != nil {
		return Report{}, err
	}
	err = archive.Verify(ctx, func(fault error) bool {
		k.problem("%v", fault)
		return len(k.report.Problems) <= maxProblems
	})
	if err == nil {
		err = archive.View(ctx, k.walk)
	}
	if errors.Is(err, store.ErrDamaged) {
		k.problem("%v", err)
		err = nil
	}
	return k.report, errors.Join(err, archive.Close())
}

// checker walks a store.
type checker struct {
	root   *crypt.RootKey
	nonces *replay.Memory
	reader store.Reader
	report Report

	// indexed says that the store has what index.go writes down. What it must be is gathered on the walk: the lists that
	// there are, and the number of CMKs in each state, as it should be and as it is told, by the path of the count.
	indexed bool
	lists   map[string]bool
	states  map[string]*tally
}

// maxProblems is how many problems are told. One wrong byte can make millions.
const maxProblems = 100

func (k *checker) problem(format string, args ...any) {
	switch n := len(k.report.Problems); {
	case n < maxProblems:
		k.report.Problems = append(k.report.Problems, fmt.Sprintf(format, args...))
	case n == maxProblems:
		k.report.Problems = append(k.report.Problems, "there are more problems than these")
	}
}

// recordKinds are all records of the storage layout in doc.go, each with what must be true of one.
var recordKinds = []struct {
	prefix string
	check  func(k *checker, at place, value []byte)
}{
	{cmkPrefix, (*checker).cmk},
	{versionPrefix, (*checker).version},
	{aliasPrefix, (*checker).alias},
	{cmkAliasPrefix, (*checker).cmkAlias},
	{list.Prefix, (*checker).list},
	{statePrefix, (*checker).state},
	{duePrefix, (*checker).due},
	{noncePrefix, (*checker).nonce},
	{metaPrefix, (*checker).meta},
}

// place is where a record is.
type place struct {
	path string
	// scope is a call of the account and region in the path, for the functions that make paths.
	scope *call
	// name is the rest of the path.
	name string
}

var scopeForm = regexp.MustCompile(`^([0-9]+)/([a-z0-9-]+)/(.+)$`)

// placeOf takes a path apart. ok is false if it should have an account and a region and has not.
func placeOf(path, prefix string) (at place, ok bool) {
	at = place{path: path, name: strings.TrimPrefix(path, prefix)}
	if slices.Contains([]string{noncePrefix, metaPrefix, list.Prefix, duePrefix}, prefix) {
		return at, true
	}
	parts := scopeForm.FindStringSubmatch(at.name)
	if parts == nil {
		return at, false
	}
	at.scope, at.name = &call{account: parts[1], region: parts[2]}, parts[3]
	return at, true
}

func (k *checker) walk(r store.Reader) error {
	k.reader = r
	schema, err := verifyStore(r, k.root)
	if err != nil {
		k.problem("%v", err)
		if errors.Is(err, crypt.ErrWrongRootKey) {
			return nil // Nothing will open, and one line says why.
		}
	}
	k.indexed = schema != plainSchema
	err = r.Scan("", "", func(path string, value []byte) (bool, error) {
		k.report.Records++
		for _, kind := range recordKinds {
			if !strings.HasPrefix(path, kind.prefix) {
				continue
			}
			if at, ok := placeOf(path, kind.prefix); ok {
				kind.check(k, at, value)
				return true, nil
			}
		}
		k.problem("record %q: it is not of a kind that this program knows", path)
		return true, nil
	})
	return errors.Join(err, k.index())
}

func (k *checker) cmk(at place, value []byte) {
	k.report.Keys++
	k.listed(at.path)
	record, err := decodeCMK(at.path, value)
	if err != nil {
		k.problem("%v", err)
		return
	}
	k.entered(at, record)
	switch record.Lifecycle.State {
	case kmsapi.Enabled, kmsapi.Disabled, kmsapi.PendingDeletion, kmsapi.PendingImport:
	default:
		k.problem("record %q: it is in no state that a CMK can be in", at.path)
	}
	if record.KeyID != at.name || !isID(at.name) {
		k.problem("record %q: it says that it is CMK %q", at.path, record.KeyID)
		return
	}
	if _, ok := record.version(record.PrimaryVersion); !ok {
		k.problem("record %q: its primary version %q is not among its versions", at.path, record.PrimaryVersion)
	}
	for _, v := range record.Versions {
		k.material(at, record, v)
		if owner, err := k.reader.Get(versionPath(at.scope, v.ID)); err != nil || string(owner) != record.KeyID {
			k.problem("record %q: the index does not lead from its version %s to it", at.path, v.ID)
		}
	}
}

// material opens the material of a version.
func (k *checker) material(at place, record *cmkRecord, v versionRecord) {
	switch {
	case record.Lifecycle.HasMaterial && len(v.Wrapped) == 0:
		k.problem("record %q: its version %s has no material", at.path, v.ID)
	case !record.Lifecycle.HasMaterial && len(v.Wrapped) > 0:
		k.problem("record %q: its version %s still has material that should be erased", at.path, v.ID)
	case len(v.Wrapped) > 0:
		material, err := k.root.Unwrap(materialPath(at.scope, record.KeyID, v.ID), v.Wrapped)
		if err != nil {
			k.problem("record %q: the material of its version %s does not open: %v", at.path, v.ID, err)
			return
		}
		material.Clear()
	}
}

// owner reads the CMK called id for a record that leads to it.
func (k *checker) owner(at place, id string) (*cmkRecord, bool) {
	value, err := k.reader.Get(cmkPath(at.scope, id))
	if err != nil {
		k.problem("record %q: its CMK %q is not there", at.path, id)
		return nil, false
	}
	record, err := decodeCMK(at.path, value)
	return record, err == nil // A record that does not decode is reported at its own place.
}

func (k *checker) version(at place, value []byte) {
	record, ok := k.owner(at, string(value))
	if !ok {
		return
	}
	if _, ok := record.version(at.name); !ok {
		k.problem("record %q: its CMK %s has no such version", at.path, record.KeyID)
	}
}

func (k *checker) alias(at place, value []byte) {
	k.listed(at.path)
	var alias aliasRecord
	if err := json.Unmarshal(value, &alias); err != nil {
		k.problem("record %q: %v", at.path, err)
		return
	}
	if _, ok := k.owner(at, alias.KeyID); !ok {
		return
	}
	if _, err := k.reader.Get(cmkAliasPath(at.scope, alias.KeyID, kmsapi.AliasPrefix+at.name)); err != nil {
		k.problem("record %q: the index does not lead from its CMK %s to it", at.path, alias.KeyID)
	}
}

func (k *checker) cmkAlias(at place, _ []byte) {
	k.listed(at.path)
	keyID, name, _ := strings.Cut(at.name, "/")
	alias, err := readAlias(k.reader, at.scope, kmsapi.AliasPrefix+name)
	if err != nil || alias.KeyID != keyID {
		k.problem("record %q: the alias %s%s does not name this CMK", at.path, kmsapi.AliasPrefix, name)
	}
}

func (k *checker) nonce(at place, value []byte) {
	if _, err := time.Parse(time.RFC3339Nano, string(value)); err != nil {
		k.problem("record %q: its value is no time", at.path)
	}
	if err := k.nonces.Load(at.name); err != nil {
		k.problem("record %q: %v", at.path, err)
	}
}

func (k *checker) meta(at place, _ []byte) {
	if !slices.Contains([]string{schemaPath, rootKeyPath}, at.path) {
		k.problem("record %q: it is not of a kind that this program knows", at.path)
	}
}
