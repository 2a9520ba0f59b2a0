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
		"relaod":                  "reload",
		"cn-hangzou":              "cn-hangzhou",
		"max_paralel":             "max_parallel",
		"server":                  "server",
		"encrypt":                 "",
		"x":                       "",
		"":                        "",
		strings.Repeat("a", 1000): "",
	} {
		require.Equal(t, want, Nearest(word, known), word)
	}
}

func TestDistanceCountsEdits(t *testing.T) {
	for pair, want := range map[[2]string]int{
		{"", ""}: 0, {"", "abc"}: 3, {"abc", ""}: 3, {"abc", "abc"}: 0,
		{"abc", "acb"}: 1, {"abc", "abd"}: 1, {"abc", "ab"}: 1, {"abc", "xabc"}: 1, {"kitten", "sitting"}: 3,
	} {
		require.Equal(t, want, distance(pair[0], pair[1]), "%q", pair)
	}
}
