package envelope

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// digits are bytes in hexadecimal.
type digits []byte

func (d digits) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d), nil }

func (d *digits) UnmarshalText(text []byte) (err error) {
	*d, err = hex.AppendDecode(nil, text)
	return err
}

// vector is a row of testdata/vectors.json, which other implementations may use too.
type vector struct {
	Name     string                   `json:"name"`
	Kind     string                   `json:"kind"` // message or file
	Key      digits                   `json:"key"`
	ID       digits                   `json:"id,omitempty"`
	Version  uint32                   `json:"version,omitempty"`
	Wrapped  digits                   `json:"wrapped"`
	Nonce    digits                   `json:"nonce"`
	Contexts kmsapi.EncryptionContext `json:"contexts"`
	// The plaintext is Repeat times Plaintext.
	Plaintext digits `json:"plaintext"`
	Repeat    int    `json:"repeat"`
	// Sealed is the message or file, or, if it is long, empty.
	Sealed digits `json:"sealed,omitempty"`
	// SHA256 is the hash of the message or file.
	SHA256 digits `json:"sha256"`
}

func (v vector) plaintext() []byte { return bytes.Repeat(v.Plaintext, v.Repeat) }

func (v vector) header() Header { return Header{ID: ID(v.ID), Version: v.Version, Wrapped: v.Wrapped} }

func (v vector) oracle() []byte {
	if v.Kind == "file" {
		return oracleFile(v)
	}
	return oracleMessage(v)
}

const vectorsFile = "testdata/vectors.json"

func readVectors(t *testing.T) (all []vector) {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(vectorsFile))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &all))
	require.NotEmpty(t, all)
	return all
}

func TestPackageCommentSpellsTheContextsOfDataKeys(t *testing.T) {
	comment, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	for _, spelled := range []string{
		purposeName, purpose, idName, versionName, `"` + fileName + `" with the value "` + fileRevision + `"`,
	} {
		require.Contains(t, string(comment), spelled)
	}
}

func TestVectorsHoldBothWaysAndInASecondImplementation(t *testing.T) {
	for _, v := range readVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			k := NewKey((*[KeySize]byte)(v.Key))
			sealed := v.oracle()
			sum := sha256.Sum256(sealed)
			require.Equal(t, v.SHA256, digits(sum[:]))
			if len(v.Sealed) > 0 {
				require.Equal(t, v.Sealed, digits(sealed))
			}
			if v.Kind == "file" {
				var file bytes.Buffer
				w, err := newWriter(&file, k, v.Wrapped, v.Nonce, v.Contexts)
				require.NoError(t, err)
				_, err = w.Write(v.plaintext())
				require.NoError(t, err)
				require.NoError(t, w.Close())
				require.True(t, bytes.Equal(sealed, file.Bytes()))
				plaintext, err := openFile(k, sealed, v.Contexts)
				require.NoError(t, err)
				require.True(t, bytes.Equal(v.plaintext(), plaintext))
				return
			}
			require.Equal(t, sealed, k.appendMessage(nil, v.header(), v.Nonce, v.Contexts, v.plaintext()))
			require.Len(t, sealed, MessageSize(len(v.Wrapped), len(v.plaintext())))
			m, err := Parse(sealed)
			require.NoError(t, err)
			require.Equal(t, v.header(), m.Header)
			plaintext, err := k.Open(nil, m, v.Contexts)
			require.NoError(t, err)
			require.True(t, bytes.Equal(v.plaintext(), plaintext))
		})
	}
}

func openFile(k *Key, file []byte, contexts kmsapi.EncryptionContext) ([]byte, error) {
	f, err := NewFile(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	r, err := f.Open(k, contexts)
	if err != nil {
		return nil, err
	}
	plaintext, err := io.ReadAll(r)
	return plaintext, closing(r, err)
}

func closing(c io.Closer, err error) error {
	if closed := c.Close(); err == nil {
		err = closed
	}
	return err
}
