package kmsprovider

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// A Key is a KMS key as a configuration names it. The zero value is none.
type Key struct {
	// ID is the key's id.
	ID string
	// arn is set if the key was given by its ARN.
	arn arn
}

// An arn is where a key is: acs:kms:REGION:ACCOUNT:key/ID.
type arn struct{ region, account, id string }

var (
	keyID  = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
	keyARN = regexp.MustCompile(`^acs:kms:([a-z0-9-]{1,64}):([0-9]{1,32}):key/([A-Za-z0-9-]{1,64})$`)
)

var (
	errKey   = errors.New("it must be the id of a KMS key, or its ARN, such as acs:kms:cn-hangzhou:1000000000000001:key/ID")
	errAlias = errors.New("it must be the id or the ARN of a KMS key, not an alias: an alias can move to another key, and what " +
		"the first one has encrypted would no longer open")
)

// ParseKey reads the id or the ARN of a KMS key. Its errors end a sentence about it.
func ParseKey(text string) (Key, error) {
	if where, ok := parseARN(text); ok {
		return Key{ID: where.id, arn: where}, nil
	}
	if strings.HasPrefix(text, "alias/") || strings.Contains(text, ":alias/") {
		return Key{}, errAlias
	}
	if !keyID.MatchString(text) {
		return Key{}, errKey
	}
	return Key{ID: text}, nil
}

// is reports whether the key is the one at where. A key that was given by its id may be anywhere.
func (k Key) is(where arn) bool { return k.ID == where.id && (k.arn == arn{} || k.arn == where) }

func parseARN(text string) (arn, bool) {
	parts := keyARN.FindStringSubmatch(text)
	if parts == nil {
		return arn{}, false
	}
	return arn{parts[1], parts[2], parts[3]}, true
}

func (a arn) String() string { return fmt.Sprintf("acs:kms:%s:%s:key/%s", a.region, a.account, a.id) }

// String returns the key as the configuration gives it.
func (k Key) String() string {
	if k.arn != (arn{}) {
		return k.arn.String()
	}
	return k.ID
}

// A keyVersion is a version of a key that encrypts. Its string is the key id that Kubernetes stores.
type keyVersion struct {
	key     arn
	version string
}

func (v keyVersion) String() string { return v.key.String() + "/" + v.version }

func parseKeyVersion(text string) (keyVersion, bool) {
	slash := strings.LastIndexByte(text, '/')
	if slash < 0 || !keyID.MatchString(text[slash+1:]) {
		return keyVersion{}, false
	}
	key, ok := parseARN(text[:slash])
	return keyVersion{key, text[slash+1:]}, ok
}
