package files

import (
	"bytes"
	"context"
	"crypto/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// folded breaks a ciphertext into lines, between blank ones.
func folded(ciphertext []byte) []byte {
	var b bytes.Buffer
	b.WriteString("\n \n\t")
	for len(ciphertext) > 76 {
		b.Write(ciphertext[:76])
		b.WriteString("\r\n")
		ciphertext = ciphertext[76:]
	}
	b.Write(ciphertext)
	b.WriteString("\n\n")
	return b.Bytes()
}

func TestDirectCiphertextsOfTheEngineOpenBothWays(t *testing.T) {
	d := newDesk(t)
	v := d.mount(map[string]any{"app": "payroll"})
	bound := entries{"app": "payroll"}
	for name, tc := range map[string]struct {
		fields map[string]any
		c      Contexts
	}{
		"alone": {nil, Contexts{}},
		"with contexts": {
			map[string]any{
				"encryption_context": map[string]any{"a": "1", "app": "payroll"},
				"context":            b64("row 5"), "associated_data": b64("record"),
			},
			Contexts{
				Entries: entries{"a": "1", "app": "payroll"}, Context: b64("row 5"), AssociatedData: b64("record"),
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			fields := map[string]any{"plaintext": b64("hello\x00")}
			for field, value := range tc.fields {
				fields[field] = value
			}
			ciphertext := []byte(v.write("encrypt/payroll", fields)["ciphertext"].(string))
			for _, sealed := range [][]byte{ciphertext, folded(ciphertext)} {
				got, err := d.open(v.keys(), sealed, tc.c)
				require.NoError(t, err)
				require.Equal(t, "hello\x00", string(got))
				alone := tc.c
				alone.Bound = bound
				got, err = d.open(d.keys, sealed, alone)
				require.NoError(t, err)
				require.Equal(t, "hello\x00", string(got))
				alone.Bound = entries{"app": "other"}
				_, err = d.open(d.keys, sealed, alone)
				require.ErrorIs(t, err, kmsapi.ErrInvalidParameter, "another bound context")
			}
		})
	}
}

func TestEnvelopesOpenWithKMSAlone(t *testing.T) {
	d := newDesk(t)
	bound := entries{"app": "payroll"}
	for name, tc := range map[string]struct {
		bound    entries
		contexts entries // As the engine encodes them.
		c        Contexts
	}{
		"alone":                {nil, nil, Contexts{}},
		"with a bound context": {bound, nil, Contexts{Bound: bound}},
		"with everything": {
			bound,
			entries{"a": "1", "vault:context": b64("row 5"), "vault:associated_data": b64("record")},
			Contexts{
				Entries: entries{"a": "1", "app": "payroll"}, Bound: bound, Context: b64("row 5"), AssociatedData: b64("record"),
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, plaintext := range []string{"", "hello"} {
				sealed := text("vault:v3:", d.message(3, tc.bound, tc.contexts, plaintext))
				for _, sealed := range [][]byte{sealed, folded(sealed)} {
					got, err := d.open(d.keys, sealed, tc.c)
					require.NoError(t, err)
					require.Equal(t, plaintext, string(got))
				}
				changed := tc.c
				changed.Entries = entries{"a": "2"}
				got, err := d.open(d.keys, sealed, changed)
				require.ErrorIs(t, err, envelope.ErrOpen)
				require.Empty(t, got)
			}
		})
	}
}

func TestTheLongestMessageOpens(t *testing.T) {
	d := newDesk(t)
	plaintext := dawn(4 << 20)
	got, err := d.open(d.keys, text("vault:v1:", d.message(1, nil, nil, string(plaintext))), Contexts{})
	require.NoError(t, err)
	require.True(t, bytes.Equal(plaintext, got))
}

func TestWhatIsNoCiphertextIsRefusedWithoutACall(t *testing.T) {
	message := envelopeWithout(t)
	flipped := func(at int, to byte) []byte {
		changed := bytes.Clone(message)
		changed[at] = to
		return changed
	}
	for name, tc := range map[string]struct {
		sealed []byte
		want   string
	}{
		"nothing":                           {nil, ErrEmpty.Error()},
		"something else":                    {[]byte("attack at dawn"), ErrNeither.Error()},
		"almost a file":                     {[]byte("\x00AKE\x02\x01"), ErrNeither.Error()},
		"a message in binary":               {message, ErrNeither.Error()},
		"no version":                        {[]byte("vault:v:AAAA"), ErrNeither.Error()},
		"version 0":                         {[]byte("vault:v0:AAAA"), ErrNeither.Error()},
		"a path":                            {[]byte("vault:vx/y"), ErrNeither.Error()},
		"another prefix":                    {[]byte("vault:v1:x:AAAA"), ErrNeither.Error()},
		"no base64":                         {[]byte("vault:v1:!"), "the ciphertext is not base64 after its prefix"},
		"base64 with a gap":                 {[]byte("vault:v1:AAAA BBBB"), "the ciphertext is not base64 after its prefix"},
		"base64 of another form":            {[]byte("vault:v1:AAB="), "the ciphertext is not base64 after its prefix"},
		"too long":                          {append([]byte("vault:v1:"), make([]byte, maxText)...), "it is longer than any"},
		"a message cut short":               {text("vault:v1:", message[:100]), envelope.ErrMalformed.Error()},
		"a message without its wrapped key": {text("vault:v1:", flipped(27, 0)), envelope.ErrMalformed.Error()},
		"a message of version 0":            {text("vault:v1:", flipped(25, 0)), envelope.ErrMalformed.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			var plaintext bytes.Buffer
			err := Decrypt(t.Context(), &plaintext, bytes.NewReader(tc.sealed), &KMS{}, Contexts{})
			require.ErrorContains(t, err, tc.want)
			require.Zero(t, plaintext.Len())
		})
	}
}

// envelopeWithout makes a message whose key KMS has never seen.
func envelopeWithout(t *testing.T) []byte {
	t.Helper()
	key := newKey(&[envelope.KeySize]byte{1})
	defer key.Clear()
	h := envelope.Header{ID: envelope.ID{1}, Version: 1, Wrapped: []byte("0af11552-7125-434c-97f0-85c036e25600 and more")}
	return key.AppendMessage(nil, h, nil, []byte("hello"))
}

func TestCiphertextsOfRSAKeysAreExplained(t *testing.T) {
	d := newDesk(t)
	for _, size := range []int{256, 384, 512} {
		blob := make([]byte, size)
		_, _ = rand.Read(blob)
		_, err := d.open(d.keys, text("vault:v1:", blob), Contexts{})
		require.ErrorIs(t, err, kmsapi.ErrInvalidParameter)
		require.ErrorContains(t, err, perhapsRSA)
	}
}

func TestAPlaintextThatTheEngineDidNotEncryptIsRefused(t *testing.T) {
	d := newDesk(t)
	made, err := d.keys.Client.Encrypt(t.Context(), &kmsapi.EncryptRequest{
		KeyId: d.keyID, Plaintext: kmsapi.NewSecret("a secret!"),
	})
	require.NoError(t, err)
	_, err = d.open(d.keys, []byte("vault:v1:"+made.CiphertextBlob), Contexts{})
	require.EqualError(t, err, "what KMS has decrypted is not base64, so the engine did not encrypt it")
}

func TestErrorsOfKMSNameTheOperation(t *testing.T) {
	d := newDesk(t)
	other := *d.keys
	other.KeyID = "alias/none"
	err := Encrypt(t.Context(), new(bytes.Buffer), bytes.NewReader(nil), &other, Contexts{})
	require.ErrorContains(t, err, "GenerateDataKey at "+d.kms.Endpoint+" was refused: Forbidden.AliasNotFound")
	d.kms.Stop()
	brief, cancel := context.WithCancel(t.Context())
	cancel()
	err = Encrypt(brief, new(bytes.Buffer), bytes.NewReader(nil), d.keys, Contexts{})
	require.ErrorIs(t, err, context.Canceled)
}
