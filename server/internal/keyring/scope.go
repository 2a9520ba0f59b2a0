package keyring

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/list"
)

// Scope is an account in a region, which CMKs and aliases belong to.
type Scope struct{ Account, Region string }

// The kinds of records in the storage layout.
const (
	metaPrefix       = "meta/"
	cmkPrefix        = "cmk/"
	cmkVersionPrefix = "cmk-version/"
	versionPrefix    = "version/"
	numberPrefix     = "version-number/"
	tagsPrefix       = "tags/"
	defaultPrefix    = "default-cmk/"
	aliasPrefix      = "alias/"
	cmkAliasPrefix   = "cmk-alias/"
	statePrefix      = "state/"
	duePrefix        = "due/"
	rotationPrefix   = "rotation/"
	countPrefix      = "count/"
	noncePrefix      = "nonce/"

	secretPrefix      = "secret/"
	secretValuePrefix = "secret-value/"
	secretTagsPrefix  = "secret-tags/"
	secretDuePrefix   = "secret-due/"

	schemaPath         = metaPrefix + "schema"
	rootKeyPath        = metaPrefix + "root-key"
	earlierRootKeyPath = metaPrefix + "root-key-before"
	fingerprintKeyPath = metaPrefix + "fingerprint-key"
	movePath           = metaPrefix + "move"
)

// dueTime has a fixed width, so that paths are in the order of time.
const dueTime = kmsapi.TimeFormat

// path returns the scope's part of a record's path.
func (s Scope) path() string { return s.Account + "/" + s.Region + "/" }

func (s Scope) cmkPath(keyID string) string { return cmkPrefix + s.path() + keyID }

// cmkVersionPath is the path of the record of a version that is not the primary one.
func (s Scope) cmkVersionPath(keyID, versionID string) string {
	return cmkVersionPrefix + s.path() + keyID + "/" + versionID
}

func (s Scope) versionPath(versionID string) string { return versionPrefix + s.path() + versionID }

// numbersPath is the prefix of the records that map the numbers of a CMK's earlier versions to their ids.
func (s Scope) numbersPath(keyID string) string { return numberPrefix + s.path() + keyID + "/" }

// numberPath writes the number with a fixed width, so that paths are in the order of numbers.
func (s Scope) numberPath(keyID string, number int) string {
	return s.numbersPath(keyID) + fmt.Sprintf("%010d", number)
}

// materialPath is the associated data that a version's material is wrapped with: material that is moved elsewhere does
// not open.
func (s Scope) materialPath(keyID, versionID string) string {
	return s.cmkPath(keyID) + "/" + versionID
}

func (s Scope) tagsPath(keyID string) string { return tagsPrefix + s.path() + keyID }

func (s Scope) defaultPath(keyID string) string { return defaultPrefix + s.path() + keyID }

func (s Scope) aliasPath(name string) string { return aliasPrefix + s.path() + withoutPrefix(name) }

func (s Scope) cmkAliasPath(keyID, name string) string {
	return cmkAliasPrefix + s.path() + keyID + "/" + withoutPrefix(name)
}

func (s Scope) statePath(state kmsapi.KeyState) string { return statePrefix + s.path() + string(state) }

func (s Scope) duePath(due time.Time, keyID string) string { return s.timePath(duePrefix, due, keyID) }

func (s Scope) rotationPath(due time.Time, keyID string) string {
	return s.timePath(rotationPrefix, due, keyID)
}

// timePath is the path of a record that is ordered by time.
func (s Scope) timePath(prefix string, at time.Time, keyID string) string {
	return prefix + at.UTC().Format(dueTime) + "/" + s.path() + keyID
}

func (s Scope) secretPath(name string) string { return secretPrefix + s.path() + name }

// secretValuePath is the path of the record of a value. Names and version ids may have slashes but no colon, so no two
// secrets share a path.
func (s Scope) secretValuePath(name, versionID string) string {
	return secretValuePrefix + s.path() + name + ":" + versionID
}

func (s Scope) secretTagsPath(name string) string { return secretTagsPrefix + s.path() + name }

func (s Scope) secretDuePath(secret *Secret) string {
	return s.timePath(secretDuePrefix, secret.DeleteDate, secret.Name)
}

// versionCountPath is the path of the number of versions that are not the primary one of their CMK.
func (s Scope) versionCountPath() string { return countPrefix + s.path() + "versions" }

func (s Scope) cmks() list.List { return list.Of(s.cmkPath("")) }

func (s Scope) aliases() list.List { return list.Of(s.aliasPath("")) }

func (s Scope) secrets() list.List { return list.Of(s.secretPath("")) }

func (s Scope) aliasesOf(keyID string) list.List { return list.Of(s.cmkAliasPath(keyID, "")) }

// withoutPrefix returns the name of an alias as it appears in paths.
func withoutPrefix(alias string) string { return strings.TrimPrefix(alias, kmsapi.AliasPrefix) }

// location is a parsed path of a record.
type location struct {
	path string
	// scope is zero for a kind of record that has none.
	scope Scope
	// name is the rest of the path.
	name string
}

var scopeForm = regexp.MustCompile(`^([0-9]+)/([a-z0-9-]+)/(.+)$`)

// locate parses the path of a record. ok is false if the path should have an account and a region and does not.
func locate(path, prefix string) (at location, ok bool) {
	at = location{path: path, name: strings.TrimPrefix(path, prefix)}
	withoutScope := []string{noncePrefix, metaPrefix, list.Prefix, duePrefix, rotationPrefix, secretDuePrefix}
	if slices.Contains(withoutScope, prefix) {
		return at, true
	}
	parts := scopeForm.FindStringSubmatch(at.name)
	if parts == nil {
		return at, false
	}
	at.scope, at.name = Scope{Account: parts[1], Region: parts[2]}, parts[3]
	return at, true
}
