package vectors

import (
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/c2sp/wycheproof"
	"github.com/stretchr/testify/require"
)

// hexBytes are bytes as the vectors encode them.
type hexBytes []byte

// UnmarshalText decodes hexadecimal digits.
func (b *hexBytes) UnmarshalText(digits []byte) (err error) {
	*b, err = hex.AppendDecode(nil, digits)
	return err
}

// file has the fields of a vector file that are needed here.
type file struct {
	NumberOfTests int
	TestGroups    []group
}

// group is a group of vectors with something in common: sizes in bits for a cipher, a key for RSA.
type group struct {
	KeySize, IvSize, TagSize int
	PrivateKeyPkcs8          hexBytes
	PublicKeyPem             string
	Tests                    []vector
}

type vector struct {
	TcID    int `json:"tcId"`
	Comment string
	Result  string

	Key, Iv, Aad, Msg, Ct, Tag, Label, Sig hexBytes
}

func (v vector) valid() bool { return v.Result == "valid" }

// load reads a vector file. Vectors that a lenient program may accept count as invalid.
func load(t *testing.T, name string) []group {
	t.Helper()
	content, err := fs.ReadFile(wycheproof.TestVectors, name)
	require.NoError(t, err)
	var f file
	require.NoError(t, json.Unmarshal(content, &f))
	found := 0
	for _, g := range f.TestGroups {
		for _, v := range g.Tests {
			require.Contains(t, []string{"valid", "invalid", "acceptable"}, v.Result)
			found++
		}
	}
	require.NotZero(t, found)
	require.Equal(t, f.NumberOfTests, found)
	return f.TestGroups
}
