package clients

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	plaintext = base64.StdEncoding.EncodeToString([]byte("hello"))
	purpose   = base64.StdEncoding.EncodeToString([]byte("invoice 4711"))
	another   = base64.StdEncoding.EncodeToString([]byte("invoice 4712"))
)

func TestAKeyIsMadeReadListedAndDeleted(t *testing.T) {
	onEachClient(t, func(t *testing.T, c caller) {
		name := newName()
		path := mount + "/keys/" + name
		made, err := c.write(t.Context(), path, nil)
		require.NoError(t, err)
		require.Equal(t, json.Number("1"), made["latest_version"])
		found, err := c.list(t.Context(), mount+"/keys")
		require.NoError(t, err)
		require.Contains(t, found["keys"], name)
		_, err = c.patch(t.Context(), path+"/config", map[string]any{"deletion_allowed": true})
		require.NoError(t, err)
		read, err := c.read(t.Context(), path)
		require.NoError(t, err)
		require.Equal(t, true, read["deletion_allowed"])
		require.NoError(t, c.delete(t.Context(), path))
		_, err = c.write(t.Context(), mount+"/encrypt/"+name, map[string]any{"plaintext": plaintext})
		require.ErrorContains(t, err, "Code: 409")
	})
}

// bindings are the fields that bind a ciphertext to its purpose.
var bindings = []string{"associated_data", "context"}

func TestWhatIsEncryptedOpensForItsPurposeOnly(t *testing.T) {
	onEachClient(t, func(t *testing.T, c caller) {
		name := newName()
		_, err := c.write(t.Context(), mount+"/keys/"+name, nil)
		require.NoError(t, err)
		for _, binding := range bindings {
			sealed, err := c.write(t.Context(), mount+"/encrypt/"+name,
				map[string]any{"plaintext": plaintext, binding: purpose})
			require.NoError(t, err)
			open := map[string]any{"ciphertext": sealed["ciphertext"], binding: purpose}
			opened, err := c.write(t.Context(), mount+"/decrypt/"+name, open)
			require.NoError(t, err)
			require.Equal(t, plaintext, opened["plaintext"])
			for _, wrong := range []string{"", another} {
				open[binding] = wrong
				_, err = c.write(t.Context(), mount+"/decrypt/"+name, open)
				require.ErrorContains(t, err, "Code: 400", "%s=%q", binding, wrong)
			}
		}
	})
}

func TestADataKeyIsMadeWithoutABody(t *testing.T) {
	onEachClient(t, func(t *testing.T, c caller) {
		name := newName()
		_, err := c.write(t.Context(), mount+"/keys/"+name, nil)
		require.NoError(t, err)
		for _, kind := range []string{"plaintext", "wrapped"} {
			for _, body := range []string{"", "{}", "null"} {
				made, err := c.writeBytes(t.Context(), mount+"/datakey/"+kind+"/"+name, body)
				require.NoError(t, err, "the body %q", body)
				require.IsType(t, "", made["ciphertext"])
				require.Equal(t, kind == "plaintext", made["plaintext"] != nil)
			}
		}
	})
}
