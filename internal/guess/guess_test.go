package guess_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/guess"
)

func TestDistanceCountsSlips(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"region", "region", 0},
		{"REGION", "region", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"reigon", "region", 1},
		{"max_paralel", "max_parallel", 1},
		{"enabel", "enable", 1},
		{"kitten", "sitting", 3},
		{"ca", "abc", 3}, // No letter is moved twice.
	} {
		require.Equal(t, c.want, guess.Distance(c.a, c.b), "%s, %s", c.a, c.b)
		require.Equal(t, c.want, guess.Distance(c.b, c.a), "%s, %s", c.b, c.a)
	}
}

func TestNearestGuessesOneWordOrNone(t *testing.T) {
	for name, c := range map[string]struct {
		word       string
		candidates []string
		want       string
	}{
		"a letter is missing":           {"max_paralel", []string{"max_parallel", "max_retries"}, "max_parallel"},
		"two letters are swapped":       {"enabel", []string{"disable", "enable"}, "enable"},
		"the wrong case":                {"Enabel", []string{"enable"}, "enable"},
		"nothing is near":               {"mars-1", []string{"cn-hangzhou", "us-east-1"}, ""},
		"two are equally near":          {"cn-xian", []string{"cn-xia", "cn-xin"}, ""},
		"one is there twice":            {"keyz", []string{"keys", "keys"}, "keys"},
		"the word itself":               {"keys", []string{"keyz", "keys"}, ""},
		"only in another case":          {"CN-Hangzhou", []string{"cn-hangzhou"}, "cn-hangzhou"},
		"a nearer one after a tie":      {"abcdefgh", []string{"abcdefxx", "abcdefyy", "abcdefgx"}, "abcdefgx"},
		"an empty word":                 {"", []string{"a"}, ""},
		"no candidates":                 {"a", nil, ""},
		"a word as long as an article":  {strings.Repeat("a", 1<<20), []string{"a"}, ""},
		"a candidate of the same shape": {strings.Repeat("a", 70), []string{strings.Repeat("a", 69)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, guess.Nearest(c.word, c.candidates))
		})
	}
	require.Equal(t, `did you mean "keys"?`, guess.Question("kyes", []string{"keys"}))
	require.Empty(t, guess.Question("moon", []string{"keys"}))
	require.Equal(t, `did you mean "keys"? The paths are config, keys`,
		guess.Among("kyes", "paths", []string{"config", "keys"}))
	require.Equal(t, `the paths are config, keys`, guess.Among("moon", "paths", []string{"config", "keys"}))
}

func FuzzDistanceIsSymmetric(f *testing.F) {
	f.Add("enabel", "enable")
	f.Add("", "\xff")
	f.Fuzz(func(t *testing.T, a, b string) {
		d := guess.Distance(a, b)
		require.Equal(t, d, guess.Distance(b, a))
		require.GreaterOrEqual(t, d, 0)
		require.LessOrEqual(t, d, 64)
	})
}
