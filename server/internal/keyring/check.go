package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/printable"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/list"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Report is the result of [Check].
type Report struct {
	// Records is the number of all records in the store, Keys the number of CMKs, and Versions the number of key
	// versions whose material was opened.
	Records, Keys, Versions int
	// Secrets is the number of secrets, and SecretValues the number of values that were opened.
	Secrets, SecretValues int
	// Problems are sentences, one for each problem. They contain no secret.
	Problems []string
}

// Archive is a read-only store that may be damaged.
type Archive interface {
	// Verify checks the structure of the file, and reports each fault until report returns false.
	Verify(ctx context.Context, report func(fault error) (more bool)) error
	View(ctx context.Context, fn func(store.Reader) error) error
	// Len returns the number of records.
	Len(ctx context.Context) (int, error)
}

// CheckOptions are the options of [Check].
type CheckOptions struct {
	// ParseNonce checks the key of a nonce record. It is required.
	ParseNonce func(key string) error
	// Progress, if set, is called now and then with the number of records checked and the total.
	Progress func(done, total int)
	// Moving is a migration state that Check accepts although a store in it can't be used: see [Move].
	Moving MoveState
}

// Check reads a whole store: the structure of its file, every record, the indices in both directions, and the material
// of every key version and the values of secrets, which it opens with root. It changes nothing. It returns an error
// only if the check could not be done.
//
// If the store is under another root key, the error wraps [crypt.ErrWrongRootKey].
func Check(ctx context.Context, a Archive, root *crypt.RootKey, o CheckOptions) (Report, error) {
	c := &checker{
		ctx: ctx, root: root, parseNonce: o.ParseNonce, moving: o.Moving,
		lists: map[string]bool{}, states: map[string]*tally{},
	}
	err := a.Verify(ctx, func(fault error) bool {
		c.problem("%v", fault)
		return len(c.report.Problems) <= maxProblems
	})
	if err == nil {
		err = c.countFor(a, o.Progress)
	}
	if err == nil {
		err = a.View(ctx, c.walk)
	}
	if errors.Is(err, store.ErrDamaged) {
		c.problem("%v", err)
		err = nil
	}
	return c.report, err
}

// checker walks a store.
type checker struct {
	// ctx can end the walk early.
	ctx        context.Context
	root       *crypt.RootKey
	parseNonce func(key string) error
	moving     MoveState
	// progress is called with the number of records that have been checked.
	progress func(done int)
	reader   store.Reader
	report   Report

	// schema is the version of the store's layout.
	schema int
	// lists are the lists that exist, and states the number of CMKs in each state by the path of its count. They are
	// gathered on the walk and compared with the records about them, which a store of plainSchema does not have.
	lists  map[string]bool
	states map[string]*tally
}

// countFor counts the records if progress is set.
func (c *checker) countFor(a Archive, progress func(done, total int)) error {
	c.progress = func(int) {}
	if progress == nil {
		return nil
	}
	total, err := a.Len(c.ctx)
	c.progress = func(done int) { progress(done, total) }
	return err
}

// maxProblems is how many problems are reported. One wrong byte can cause millions.
const maxProblems = 100

// problem records a problem. Names in a damaged or forged file may be anything.
func (c *checker) problem(format string, args ...any) {
	switch n := len(c.report.Problems); {
	case n < maxProblems:
		c.report.Problems = append(c.report.Problems, printable.Text(fmt.Sprintf(format, args...)))
	case n == maxProblems:
		c.report.Problems = append(c.report.Problems, "there are more problems than these")
	}
}

// unknownKind reports a record that this program could not have written.
func (c *checker) unknownKind(path string) {
	c.problem("record %q: it is not of a kind that this program knows", path)
}

// recordKinds are all kinds of records in the storage layout, each with the function that checks a record and, if part
// of the record is wrapped by the root key, the function that wraps it by another.
var recordKinds = []struct {
	prefix string
	check  func(c *checker, at location, value []byte)
	rekey  func(k *Keyring, at location, value []byte, root *crypt.RootKey) ([]byte, error)
}{
	{cmkPrefix, (*checker).cmk, (*Keyring).rekeyCMK},
	{cmkVersionPrefix, (*checker).earlier, (*Keyring).rekeyEarlier},
	{versionPrefix, (*checker).version, nil},
	{numberPrefix, (*checker).number, nil},
	{tagsPrefix, (*checker).tags, nil},
	{defaultPrefix, (*checker).defaultCMK, nil},
	{aliasPrefix, (*checker).alias, nil},
	{cmkAliasPrefix, (*checker).cmkAlias, nil},
	{list.Prefix, (*checker).list, nil},
	{statePrefix, (*checker).state, nil},
	{duePrefix, (*checker).due, nil},
	{rotationPrefix, (*checker).rotation, nil},
	{countPrefix, (*checker).count, nil},
	{noncePrefix, (*checker).nonce, nil},
	{metaPrefix, (*checker).meta, (*Keyring).rekeyMeta},
	{secretPrefix, (*checker).secret, nil},
	{secretValuePrefix, (*checker).secretValue, (*Keyring).rekeySecretValue},
	{secretTagsPrefix, (*checker).secretTags, nil},
	{secretDuePrefix, (*checker).secretDue, nil},
}

func (c *checker) walk(r store.Reader) error {
	c.reader = r
	var err error
	c.schema, err = verifySchema(r, c.root)
	if moving, ok := errors.AsType[*MoveError](err); ok && moving.State == c.moving {
		err = verifyProof(r, c.root)
	}
	if err != nil {
		if errors.Is(err, crypt.ErrWrongRootKey) {
			return err
		}
		c.problem("%v", err)
	}
	if c.schema == 0 {
		c.schema = schemaVersion
	}
	c.fingerprintKey()
	err = r.Scan("", "", func(path string, value []byte) (bool, error) {
		c.report.Records++
		c.record(path, value)
		return true, c.pause()
	})
	if err != nil {
		return err
	}
	return c.compareIndices()
}

// pauseEvery is how many records are checked between two checks of the context.
const pauseEvery = 1000

// pause reports progress now and then, and returns an error if the context has ended.
func (c *checker) pause() error {
	if c.report.Records%pauseEvery != 0 {
		return nil
	}
	c.progress(c.report.Records)
	return c.ctx.Err()
}

// fingerprintKey opens the fingerprint key, which stores of earlier layouts do not have.
func (c *checker) fingerprintKey() {
	if c.schema <= derivedSchema {
		return
	}
	key, err := fingerprintKey(c.reader, c.root)
	if err != nil {
		c.problem("%v", err)
		return
	}
	key.Clear()
}

func (c *checker) record(path string, value []byte) {
	for _, kind := range recordKinds {
		if !strings.HasPrefix(path, kind.prefix) {
			continue
		}
		if at, ok := locate(path, kind.prefix); ok {
			kind.check(c, at, value)
			return
		}
	}
	c.unknownKind(path)
}

func (c *checker) nonce(at location, value []byte) {
	if _, err := time.Parse(time.RFC3339Nano, string(value)); err != nil {
		c.problem("record %q: its value is not a time", at.path)
	}
	if err := c.parseNonce(at.name); err != nil {
		c.problem("record %q: %v", at.path, err)
	}
}

func (c *checker) meta(at location, value []byte) {
	if at.path == ClockPath {
		if _, _, err := parseClockMark(value); err != nil {
			c.problem("%v", err)
		}
		return
	}
	if at.path == movePath {
		if _, _, err := ReadMove(c.reader); err != nil {
			c.problem("%v", err)
		}
		return
	}
	known := []string{schemaPath, rootKeyPath, earlierRootKeyPath, fingerprintKeyPath}
	if !slices.Contains(known, at.path) {
		c.unknownKind(at.path)
	}
}
