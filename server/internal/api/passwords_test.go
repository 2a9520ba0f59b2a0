package api

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestAPasswordHasWhatIsAskedForAndNothingElse(t *testing.T) {
	a := &API{rand: rand.Reader}
	for name, tc := range map[string]struct {
		request  kmsapi.GetRandomPasswordRequest
		has, not []string
	}{
		"everything": {has: []string{lowercase, uppercase, digits, punctuation}, not: []string{" \t"}},
		"no punctuation": {
			request: kmsapi.GetRandomPasswordRequest{ExcludePunctuation: true},
			has:     []string{lowercase, uppercase, digits}, not: []string{punctuation},
		},
		"digits alone": {
			request: kmsapi.GetRandomPasswordRequest{ExcludePunctuation: true, ExcludeLowercase: true, ExcludeUppercase: true},
			has:     []string{digits}, not: []string{punctuation, lowercase, uppercase},
		},
		"without some characters": {
			request: kmsapi.GetRandomPasswordRequest{ExcludeCharacters: digits + "lI秘"},
			has:     []string{lowercase, uppercase, punctuation}, not: []string{digits, "lI"},
		},
		"few characters of three kinds": {
			request: kmsapi.GetRandomPasswordRequest{ExcludeCharacters: lowercase[1:] + uppercase[1:] + digits[1:]},
			has:     []string{"a", "A", "0", punctuation},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range 200 {
				r := tc.request
				r.PasswordLength, r.RequireEachIncludedType = kmsapi.MinPasswordLength, "true"
				got, err := a.getRandomPassword(t.Context(), nil, &r)
				require.NoError(t, err)
				password := got.RandomPassword.Reveal()
				require.Len(t, password, kmsapi.MinPasswordLength)
				for _, kind := range tc.has {
					require.True(t, strings.ContainsAny(password, kind), kind)
				}
				for _, kind := range tc.not {
					require.False(t, strings.ContainsAny(password, kind), kind)
				}
			}
		})
	}
}

func TestAPasswordOfNothingIsRefused(t *testing.T) {
	a := &API{rand: rand.Reader}
	for _, r := range []kmsapi.GetRandomPasswordRequest{
		{ExcludePunctuation: true, ExcludeLowercase: true, ExcludeUppercase: true, ExcludeNumbers: true},
		{ExcludeCharacters: lowercase + uppercase + digits + punctuation},
	} {
		r.PasswordLength = 8
		_, err := a.getRandomPassword(t.Context(), nil, &r)
		require.ErrorIs(t, err, kmsapi.ErrInvalidParameter)
	}
}

// A character of an alphabet that does not divide 256 is drawn as often as the others.
func TestCharactersAreDrawnEvenly(t *testing.T) {
	d := drawer{random: rand.Reader, alphabet: lowercase + uppercase + digits + punctuation}
	require.Len(t, d.alphabet, 94)
	counts := map[byte]int{}
	const each = 2000
	for range each * len(d.alphabet) {
		c, err := d.next()
		require.NoError(t, err)
		counts[c]++
	}
	for _, c := range []byte(d.alphabet) {
		require.InDelta(t, each, counts[c], each/6, "%q", c)
	}
}

func TestADeadSourceOfRandomBytesIsNoticed(t *testing.T) {
	a := &API{rand: strings.NewReader("")}
	_, err := a.getRandomPassword(t.Context(), nil, &kmsapi.GetRandomPasswordRequest{PasswordLength: 8})
	require.Error(t, err)
	_, err = newPassword(zeros{}, 8, []string{lowercase, digits}, true)
	require.ErrorIs(t, err, errUnlucky)
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
