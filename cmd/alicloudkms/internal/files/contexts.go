package files

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"strings"
	"unicode/utf8"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/input"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/reserved"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Contexts are what a file or a ciphertext is bound to. They have the engine's names.
type Contexts struct {
	// Entries are the entries of encryption_context.
	Entries kmsapi.EncryptionContext
	// Bound is the bound_context of the engine's key. Through Vault the engine adds it by itself.
	Bound kmsapi.EncryptionContext
	// Context and AssociatedData are in base64. Only the engine's ciphertexts have them.
	Context, AssociatedData string
}

// fileNames begins the names that mark files, which callers must not use either.
const fileNames = "alicloudkms:"

// ParseEntries reads entries of the form NAME=VALUE.
func ParseEntries(entries []string) (kmsapi.EncryptionContext, error) {
	parsed := make(kmsapi.EncryptionContext, len(entries))
	for _, entry := range entries {
		name, value, ok := strings.Cut(entry, "=")
		if !ok || name == "" {
			return nil, errors.New("an entry must look like NAME=VALUE")
		}
		if !utf8.ValidString(entry) || strings.ContainsRune(entry, utf8.RuneError) {
			return nil, fmt.Errorf("the entry %q is not valid UTF-8", name)
		}
		if _, twice := parsed[name]; twice {
			return nil, fmt.Errorf("the entry %q is given twice", name)
		}
		parsed[name] = value
	}
	return parsed, nil
}

// Check refuses entries that the engine refuses, too: those that spell a name of its own, and those that differ from
// the bound context. A bound context may have any: some are older than the rule.
func (c Contexts) Check() error {
	for name, value := range c.Entries {
		if reserved.Is(name, value) {
			return refused(name, reserved.Prefix)
		}
		if bound, ok := c.Bound[name]; ok && bound != value {
			return fmt.Errorf("the entry %q differs from that of the bound context", name)
		}
	}
	return nil
}

// checkFile refuses what no file has, and entries that spell the mark of files.
func (c Contexts) checkFile() error {
	if c.Context != "" || c.AssociatedData != "" {
		return errors.New("a file has neither a context nor associated data, only an encryption context")
	}
	for name, value := range c.Entries {
		if reserved.Spells(fileNames, name, value) {
			return refused(name, fileNames)
		}
	}
	return nil
}

func refused(name, prefix string) error {
	return fmt.Errorf("the entry %q is reserved: a name must not begin with %s, nor a name or value contain &%[2]s", name, prefix)
}

// ParseBase64 returns data in base64 in its one form, with padding and in one line.
func ParseBase64(text string) (string, error) {
	decoded, err := base64.StdEncoding.Strict().DecodeString(input.Unfold(text))
	if err != nil {
		return "", errors.New("it is not base64")
	}
	return base64.StdEncoding.EncodeToString(decoded), nil
}

// ofMessage returns what the engine binds to an envelope's message: everything but the bound context.
func (c Contexts) ofMessage() kmsapi.EncryptionContext {
	all := make(kmsapi.EncryptionContext, len(c.Entries)+2)
	for name, value := range c.Entries {
		if _, bound := c.Bound[name]; !bound {
			all[name] = value
		}
	}
	if c.Context != "" {
		all[reserved.Context] = c.Context
	}
	if c.AssociatedData != "" {
		all[reserved.AssociatedData] = c.AssociatedData
	}
	return all
}

// ofDirect returns what the engine binds to a ciphertext of KMS's own.
func (c Contexts) ofDirect() kmsapi.EncryptionContext {
	all := c.ofMessage()
	maps.Copy(all, c.Bound)
	return all
}
