package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers/vault"
)

// confidential records every string that must not be found anywhere after the tests. The mutex guards secrets; tests
// add to it from goroutines.
type confidential struct {
	mu      sync.Mutex
	secrets map[string]bool
}

func (c *confidential) add(secret string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.secrets == nil {
		c.secrets = map[string]bool{}
	}
	c.secrets[secret] = true
}

// keptOnPurpose are files whose purpose is to contain a secret: the development service's own access key, for its next
// start and for its clients; and a server's own configuration, with the token of its seal.
var keptOnPurpose = []string{"access-key-secret", ".env", vault.ConfigFile}

// search looks for every recorded secret, as it is and in other encodings, in all files below dir.
func (c *confidential) search(dir string) error {
	c.mu.Lock()
	spelled := spellBook(c.secrets)
	c.mu.Unlock()
	var errs []error
	err := eachFile(dir, func(path string, content []byte) {
		for _, name := range keptOnPurpose {
			if strings.HasSuffix(path, name) {
				return
			}
		}
		for _, encoding := range spelled.in(content) {
			errs = append(errs, fmt.Errorf("LEAK: %s contains a secret (%s)", path, encoding))
		}
	})
	return errors.Join(append(errs, err)...)
}

// beginning is how many bytes of a spelling are looked up at each place of a file. No secret is shorter.
const beginning = 4

// spelled has the spellings of secrets by their beginnings, so that a file of hundreds of megabytes is read once for
// all.
type spelled map[[beginning]byte][]spelling

type spelling struct{ encoding, text string }

func spellBook(secrets map[string]bool) spelled {
	book := spelled{}
	for secret := range secrets {
		for encoding, text := range spellings(secret) {
			at := [beginning]byte([]byte(text))
			book[at] = append(book[at], spelling{encoding, text})
		}
	}
	return book
}

// in returns the encodings of the secrets that content contains, each spelling once.
func (s spelled) in(content []byte) (encodings []string) {
	var firsts [1 << 16]bool // Most places need no lookup in the map.
	for at := range s {
		firsts[binary.BigEndian.Uint16(at[:])] = true
	}
	found := map[spelling]bool{}
	for i := range max(len(content)-beginning+1, 0) {
		if !firsts[uint16(content[i])<<8|uint16(content[i+1])] {
			continue
		}
		for _, one := range s[[beginning]byte(content[i:])] {
			if !found[one] && bytes.HasPrefix(content[i:], []byte(one.text)) {
				found[one] = true
				encodings = append(encodings, one.encoding)
			}
		}
	}
	return encodings
}

func spellings(secret string) map[string]string {
	// The last characters of base64 depend on what follows, so they are omitted.
	encoded := strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(secret)), "=")
	return map[string]string{
		"in clear":    secret,
		"in base64":   encoded[:len(encoded)-1],
		"in hex":      hex.EncodeToString([]byte(secret)),
		"URL-encoded": url.QueryEscape(secret),
	}
}

// searchForRaces looks for reports of the race detector in the logs.
func searchForRaces(dir string) error {
	var errs []error
	err := eachFile(dir, func(path string, content []byte) {
		if strings.HasSuffix(path, ".log") && bytes.Contains(content, []byte("DATA RACE")) {
			errs = append(errs, fmt.Errorf("DATA RACE: see %s", path))
		}
	})
	return errors.Join(append(errs, err)...)
}

// eachFile calls visit with every file below dir, except executables.
func eachFile(dir string, visit func(path string, content []byte)) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil || info.Mode().Perm()&0o111 != 0 {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		visit(path, content)
		return nil
	})
}
