package cluster

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPeerIsReadAsItWasWritten(t *testing.T) {
	for _, p := range []Peer{
		{"node-1", "10.0.0.1:8444"},
		{"n", "[2001:db8::1]:8444"},
		{"alicloudkms restore", ""},
		{strings.Repeat("n", maxName), strings.Repeat("a", maxAddress)},
	} {
		value, err := json.Marshal(p)
		require.NoError(t, err)
		require.Equal(t, p, ParsePeer(value))
	}
}

func TestAValueThatIsNoNodesIsNoPeer(t *testing.T) {
	for _, value := range []string{
		"", "x", "null", "{}", "[]", `"node-1"`, `{"name":1}`, `{"name":"one","address":7}`, `{"name":"","address":"a:1"}`,
		`{"name":"one\nlevel=ERROR","address":"a:1"}`, `{"name":"one","address":"a:1\u0000"}`, `{"name":"\u202e"}`,
		`{"name":"` + strings.Repeat("n", maxName+1) + `"}`,
		`{"name":"n","address":"` + strings.Repeat("a", maxAddress+1) + `"}`,
		`{"name":"n"}` + strings.Repeat(" ", maxPeer), `{"name":"n"}{}`,
	} {
		require.Zero(t, ParsePeer([]byte(value)), "%.60q", value)
	}
}
