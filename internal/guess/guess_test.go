package guess

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNearestFindsWhatWasMeant(t *testing.T) {
	known := []string{"server", "restore", "reload", "rekey", "cn-hangzhou", "cn-shanghai", "max_parallel", "o"}
	for word, want := range map[string]string{
		"sever":                   "server",
		"serevr":                  "server", // Neighbours swapped.
		"Sever":                   "server",
		"CN-HANGZHOU":             "cn-hangzhou",
		"relaod":                  "reload",
		"cn-hangzou":              "cn-hangzhou",
		"max_paralel":             "max_parallel",
		"server":                  "server",
		"encrypt":                 "",
		"MAX":                     "max_parallel",
		"re":                      "", // Too short, and three begin with it.
		"cn-":                     "",
		"x":                       "",
		"":                        "",
		strings.Repeat("a", 1000): "",
	} {
		require.Equal(t, want, Nearest(word, known), word)
	}
}

func TestNearestGuessesOneWordOrNone(t *testing.T) {
	for name, c := range map[string]struct {
		word  string
		known []string
		want  string
	}{
		"two are equally near":         {"us-eest-1", []string{"us-east-1", "us-west-1"}, ""},
		"one of them is there twice":   {"keyz", []string{"keys", "keys"}, "keys"},
		"a nearer one after the two":   {"abcdefgh", []string{"abcdefxx", "abcdefyy", "abcdefgx"}, "abcdefgx"},
		"a farther one after the two":  {"abcdefgh", []string{"abcdefgx", "abcdefgy", "abcdefxx"}, ""},
		"the only one that begins so":  {"secret", []string{"region", "secret_key", "secret_key"}, "secret_key"},
		"nothing is known":             {"a", nil, ""},
		"words longer than any":        {strings.Repeat("a", 70), []string{strings.Repeat("a", 69)}, ""},
		"a third of a long word is no": {"cn-shenzhen-finance-1", []string{"cn-shanghai-finance-1"}, ""},
	} {
		require.Equal(t, c.want, Nearest(c.word, c.known), name)
	}
}

func TestTheQuestionAndTheList(t *testing.T) {
	known := []string{"config", "keys"}
	require.Equal(t, `did you mean "keys"?`, Question("kyes", known))
	require.Empty(t, Question("moon", known))
	require.Equal(t, `did you mean "keys"? The paths are config, keys`, Among("kyes", "paths", known))
	require.Equal(t, `the paths are config, keys`, Among("moon", "paths", known))
}

func TestDistanceCountsEdits(t *testing.T) {
	for pair, want := range map[[2]string]int{
		{"", ""}: 0, {"", "abc"}: 3, {"abc", ""}: 3, {"abc", "abc"}: 0, {"abc", "ABC"}: 0,
		{"abc", "acb"}: 1, {"abc", "abd"}: 1, {"abc", "ab"}: 1, {"abc", "xabc"}: 1, {"kitten", "sitting"}: 3,
		{"ca", "abc"}: 3, // No letter is moved twice.
	} {
		require.Equal(t, want, Distance(pair[0], pair[1]), "%q", pair)
		require.Equal(t, want, Distance(pair[1], pair[0]), "%q", pair)
	}
}
