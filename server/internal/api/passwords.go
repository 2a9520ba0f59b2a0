package api

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// The characters of passwords, by kind. punctuation is all ASCII punctuation; there is no space.
const (
	lowercase   = "abcdefghijklmnopqrstuvwxyz"
	uppercase   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits      = "0123456789"
	punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
)

// getRandomPassword returns a password whose characters are drawn uniformly.
func (a *API) getRandomPassword(
	_ context.Context, _ *Invocation, r *kmsapi.GetRandomPasswordRequest,
) (*kmsapi.GetRandomPasswordResponse, error) {
	kinds := passwordKinds(r)
	if len(kinds) == 0 {
		return nil, kmsapi.InvalidParameter("ExcludeCharacters", "No character is left.")
	}
	password, err := newPassword(a.rand, r.PasswordLength, kinds, r.RequireEachIncludedType != "false")
	if err != nil {
		return nil, err
	}
	defer clear(password)
	return &kmsapi.GetRandomPasswordResponse{RandomPassword: kmsapi.NewSecret(string(password)).ForWire()}, nil
}

// passwordKinds returns the characters that a password may have, by kind, without kinds that have none left.
func passwordKinds(r *kmsapi.GetRandomPasswordRequest) (kinds []string) {
	for _, kind := range []struct {
		characters string
		excluded   bool
	}{
		{lowercase, r.ExcludeLowercase},
		{uppercase, r.ExcludeUppercase},
		{digits, r.ExcludeNumbers},
		{punctuation, r.ExcludePunctuation},
	} {
		left := strings.Map(func(c rune) rune {
			if strings.ContainsRune(r.ExcludeCharacters, c) {
				return -1
			}
			return c
		}, kind.characters)
		if left != "" && !kind.excluded {
			kinds = append(kinds, left)
		}
	}
	return kinds
}

// newPassword draws passwords until one has a character of each kind, if each is required. So all such passwords are
// equally likely.
func newPassword(random io.Reader, length int, kinds []string, each bool) ([]byte, error) {
	draw := drawer{random: random, alphabet: strings.Join(kinds, "")}
	password := make([]byte, length)
	for range maxDraws {
		for i := range password {
			c, err := draw.next()
			if err != nil {
				return nil, err
			}
			password[i] = c
		}
		if !each || hasEach(password, kinds) {
			return password, nil
		}
	}
	return nil, errUnlucky
}

// maxDraws is more than is ever needed: in the worst case, 8 characters from all punctuation and three other kinds with
// a single character each, about one password in a few hundred has all kinds.
const maxDraws = 10_000

var errUnlucky = errors.New("the source of random bytes repeats itself")

func hasEach(password []byte, kinds []string) bool {
	for _, kind := range kinds {
		if !strings.ContainsAny(string(password), kind) {
			return false
		}
	}
	return true
}

// drawer draws characters of an alphabet uniformly.
type drawer struct {
	random   io.Reader
	alphabet string
	bytes    [64]byte
	left     []byte
}

// next returns a random character. It skips the bytes that would make some characters likelier than others.
func (d *drawer) next() (byte, error) {
	even := 256 - 256%len(d.alphabet)
	for {
		if len(d.left) == 0 {
			if _, err := io.ReadFull(d.random, d.bytes[:]); err != nil {
				return 0, err
			}
			d.left = d.bytes[:]
		}
		b := int(d.left[0])
		d.left = d.left[1:]
		if b < even {
			return d.alphabet[b%len(d.alphabet)], nil
		}
	}
}
