package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/list"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Report is the result of [Check].
type Report struct {
	// Records is the number of all records in the store, and Keys that of CMKs.
	Records, Keys int
	// Problems are sentences, one for each thing that is wrong. There is no secret in them.
	Problems []string
}

// Archive is a store that is only read, and that may be damaged.
type Archive interface {
	// Verify checks the structure of the file, and reports each fault until report returns false.
	Verify(ctx context.Context, report func(fault error) (more bool)) error
	View(ctx context.Context, fn func(store.Reader) error) error
}

// Check reads a whole store: the structure of its file, every record, the indices in both directions, and the material
// of every key version, which it opens with root. It changes nothing. parseNonce checks the key of a nonce. An error
// says that the check could not be done.
func Check(ctx context.Context, a Archive, root *crypt.RootKey, parseNonce func(key string) error) (Report, error) {
	c := &checker{root: root, parseNonce: parseNonce, lists: map[string]bool{}, states: map[string]*tally{}}
	err := a.Verify(ctx, func(fault error) bool {
		c.problem("%v", fault)
		return len(c.report.Problems) <= maxProblems
	})
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
	root       *crypt.RootKey
	parseNonce func(key string) error
	reader     store.Reader
	report     Report

	// schema is the version of the store's layout.
	schema int
	// lists that exist, and the number of CMKs in each state by the path of the count, are gathered on the walk, to be
	// compared with the records of them, which a store of plainSchema does not have.
	lists  map[string]bool
	states map[string]*tally
}

// maxProblems is how many problems are reported. One wrong byte can cause millions.
const maxProblems = 100

func (c *checker) problem(format string, args ...any) {
	switch n := len(c.report.Problems); {
	case n < maxProblems:
		c.report.Problems = append(c.report.Problems, fmt.Sprintf(format, args...))
	case n == maxProblems:
		c.report.Problems = append(c.report.Problems, "there are more problems than these")
	}
}

// unknownKind reports a record that this program could not have written.
func (c *checker) unknownKind(path string) {
	c.problem("record %q: it is not of a kind that this program knows", path)
}

// recordKinds are all kinds of records in the storage layout, each with the check of one record.
var recordKinds = []struct {
	prefix string
	check  func(c *checker, at location, value []byte)
}{
	{cmkPrefix, (*checker).cmk},
	{cmkVersionPrefix, (*checker).earlier},
	{versionPrefix, (*checker).version},
	{tagsPrefix, (*checker).tags},
	{defaultPrefix, (*checker).defaultCMK},
	{aliasPrefix, (*checker).alias},
	{cmkAliasPrefix, (*checker).cmkAlias},
	{list.Prefix, (*checker).list},
	{statePrefix, (*checker).state},
	{duePrefix, (*checker).due},
	{noncePrefix, (*checker).nonce},
	{metaPrefix, (*checker).meta},
}

func (c *checker) walk(r store.Reader) error {
	c.reader = r
	var err error
	if c.schema, err = verifySchema(r, c.root); err != nil {
		c.problem("%v", err)
		if errors.Is(err, crypt.ErrWrongRootKey) {
			return nil // Nothing will open, and one line says why.
		}
	}
	if c.schema == 0 {
		c.schema = schemaVersion
	}
	err = r.Scan("", "", func(path string, value []byte) (bool, error) {
		c.report.Records++
		c.record(path, value)
		return true, nil
	})
	return errors.Join(err, c.compareIndices())
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
	if at.path == clockPath {
		if _, _, err := parseClockMark(value); err != nil {
			c.problem("%v", err)
		}
		return
	}
	if !slices.Contains([]string{schemaPath, rootKeyPath}, at.path) {
		c.unknownKind(at.path)
	}
}
