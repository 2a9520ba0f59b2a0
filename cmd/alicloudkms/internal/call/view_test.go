package call

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/alicloudkms/internal/terminal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// show prints answer as o says.
func show(t *testing.T, op kmsapi.Operation, o Options, answer kmsapi.Response) string {
	t.Helper()
	v, err := newView(op, o)
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, v.print(&b, answer))
	return b.String()
}

func twoKeys() *kmsapi.ListKeysResponse {
	return &kmsapi.ListKeysResponse{
		Reply: kmsapi.Reply{RequestId: "r-1"}, PageNumber: 1, PageSize: 10, TotalCount: 2,
		Keys: kmsapi.KeyList{Key: []kmsapi.KeyEntry{
			{KeyId: "key-1", KeyArn: "arn:1"},
			{KeyId: "longer-key-2", KeyArn: "arn:2"},
		}},
	}
}

func decrypted() *kmsapi.DecryptResponse {
	return &kmsapi.DecryptResponse{
		Reply: kmsapi.Reply{RequestId: "r-1"}, KeyId: "key-1", KeyVersionId: "v-1", Plaintext: kmsapi.NewSecret("aGVsbG8="),
	}
}

func described() *kmsapi.DescribeKeyResponse {
	return &kmsapi.DescribeKeyResponse{KeyMetadata: kmsapi.KeyMetadata{KeyId: "key-1", KeyState: kmsapi.Enabled}}
}

func TestAnswersAsTheyArePrinted(t *testing.T) {
	for name, tc := range map[string]struct {
		op      kmsapi.Operation
		options Options
		answer  kmsapi.Response
		want    string
	}{
		"a list": {kmsapi.OpListKeys, Options{}, twoKeys(), `
KeyId         KeyArn
-----         ------
key-1         arn:1
longer-key-2  arn:2
`},
		"a list without entries": {kmsapi.OpListKeys, Options{}, &kmsapi.ListKeysResponse{}, `
KeyId  KeyArn
-----  ------
`},
		"one column of a list": {kmsapi.OpListKeys, Options{Field: "KeyId"}, twoKeys(), `
key-1
longer-key-2
`},
		"a list as JSON": {kmsapi.OpListKeys, Options{Format: FormatJSON}, twoKeys(), `
{
  "RequestId": "r-1",
  "Keys": {
    "Key": [
      {
        "KeyId": "key-1",
        "KeyArn": "arn:1"
      },
      {
        "KeyId": "longer-key-2",
        "KeyArn": "arn:2"
      }
    ]
  },
  "PageNumber": 1,
  "PageSize": 10,
  "TotalCount": 2
}
`},
		"a list without entries as JSON": {
			kmsapi.OpListAliasesByKeyId,
			Options{Format: FormatJSON},
			&kmsapi.ListAliasesByKeyIdResponse{},
			`
{
  "RequestId": "",
  "Aliases": {
    "Alias": []
  },
  "PageNumber": 0,
  "PageSize": 0,
  "TotalCount": 0
}
`,
		},
		"a secret": {kmsapi.OpDecrypt, Options{}, decrypted(), `
Field         Value
-----         -----
KeyId         key-1
KeyVersionId  v-1
Plaintext     [redacted]
RequestId     r-1
`},
		"a secret that was asked for": {kmsapi.OpDecrypt, Options{Reveal: true}, decrypted(), `
Field         Value
-----         -----
KeyId         key-1
KeyVersionId  v-1
Plaintext     aGVsbG8=
RequestId     r-1
`},
		"a secret as JSON": {kmsapi.OpDecrypt, Options{Format: FormatJSON}, decrypted(), `
{
  "RequestId": "r-1",
  "KeyId": "key-1",
  "KeyVersionId": "v-1",
  "Plaintext": "[redacted]"
}
`},
		"a secret as JSON that was asked for": {
			kmsapi.OpDecrypt,
			Options{Format: FormatJSON, Reveal: true},
			decrypted(),
			`
{
  "RequestId": "r-1",
  "KeyId": "key-1",
  "KeyVersionId": "v-1",
  "Plaintext": "aGVsbG8="
}
`,
		},
		"a secret alone": {
			kmsapi.OpDecrypt, Options{Field: "Plaintext", Reveal: true}, decrypted(), "aGVsbG8=\n",
		},
		"the bytes of a secret": {
			kmsapi.OpDecrypt, Options{Field: "Plaintext", Reveal: true, Raw: true}, decrypted(), "hello",
		},
		"raw leaves ciphertexts": {
			kmsapi.OpEncrypt,
			Options{Field: "CiphertextBlob", Raw: true},
			&kmsapi.EncryptResponse{CiphertextBlob: "aGVs"}, "aGVs\n",
		},
		"a field below another": {kmsapi.OpDescribeKey, Options{Field: "KeyState"}, described(), "Enabled\n"},
		"a field by its path":   {kmsapi.OpDescribeKey, Options{Field: "KeyMetadata.KeyId"}, described(), "key-1\n"},
		"a field with lines of its own": {
			kmsapi.OpGetKeyPolicy,
			Options{Field: "Policy"},
			&kmsapi.GetKeyPolicyResponse{Policy: "a\r\n\tb"}, "a\r\n\tb\n",
		},
		"a field that ends with a line break": {
			kmsapi.OpGetPublicKey, Options{Field: "PublicKey"}, &kmsapi.GetPublicKeyResponse{PublicKey: "-----\n"}, "-----\n",
		},
		"a plaintext that ends with a line break": {
			kmsapi.OpDecrypt,
			Options{Field: "Plaintext", Reveal: true},
			&kmsapi.DecryptResponse{Plaintext: kmsapi.NewSecret("text\n")}, "text\n\n",
		},
		"an integer": {kmsapi.OpListKeys, Options{Field: "TotalCount"}, twoKeys(), "2\n"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, strings.TrimPrefix(tc.want, "\n"), show(t, tc.op, tc.options, tc.answer))
		})
	}
}

// hostile has what takes over a terminal: escapes, C1 controls, a change of direction, an invisible letter, line ends.
const hostile = "a\x1b]0;owned\x07\u009b31m\u202ec\U000e0041\r\nd\x7f"

// filled returns an answer to op with text in each string and two entries in each list.
func filled(op kmsapi.Operation, text string) kmsapi.Response {
	answer := op.NewRequest().NewResponse()
	fill(reflect.ValueOf(answer).Elem(), text)
	return answer
}

func fill(v reflect.Value, text string) {
	switch {
	case v.Type() == secretType:
		v.Set(reflect.ValueOf(kmsapi.NewSecret(text)))
	case v.Kind() == reflect.String:
		v.SetString(text)
	case v.CanInt():
		v.SetInt(7)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), text)
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), text)
		}
	}
}

func TestNoAnswerCommandsATerminal(t *testing.T) {
	for _, op := range kmsapi.Operations() {
		for _, o := range []Options{{}, {Format: FormatJSON}, {Reveal: true}, {Format: FormatJSON, Reveal: true}} {
			out := show(t, op, o, filled(op, hostile))
			require.Equal(t, terminal.Escape(out, "\n"), out, "%s %+v", op, o)
			if o.Format == FormatJSON {
				got := op.NewRequest().NewResponse()
				require.NoError(t, json.Unmarshal([]byte(out), got))
				if o.Reveal {
					require.Equal(t, filled(op, hostile), got, "escapes change nothing for programs")
				}
			}
		}
		for _, c := range shapeOf(op).columns() {
			out := show(t, op, Options{Field: c.path, Reveal: true, Terminal: true}, filled(op, hostile))
			require.Equal(t, terminal.Escape(out, "\n\t"), out)
		}
	}
}

func TestAProgramGetsAFieldAsItIs(t *testing.T) {
	for _, o := range []Options{{Field: "Policy"}, {Field: "Policy", Terminal: true, Out: "a file"}} {
		require.Equal(t, hostile+"\n", show(t, kmsapi.OpGetKeyPolicy, o, filled(kmsapi.OpGetKeyPolicy, hostile)))
	}
}

func TestBytesOnATerminalAreEscaped(t *testing.T) {
	answer := &kmsapi.DecryptResponse{Plaintext: kmsapi.NewSecret("G1tyZWT/Cg==")} // ESC [ r e d 0xff \n
	o := Options{Field: "Plaintext", Reveal: true, Raw: true, Terminal: true}
	require.Equal(t, "\\u001b[red\\xff\n", show(t, kmsapi.OpDecrypt, o, answer))
}

func TestNoSecretIsShownUnlessAskedFor(t *testing.T) {
	const secret = "correct-horse"
	secrets := 0
	for _, op := range kmsapi.Operations() {
		for _, format := range []string{FormatTable, FormatJSON} {
			answer := filled(op, secret)
			blank(reflect.ValueOf(answer).Elem())
			require.NotContains(t, show(t, op, Options{Format: format}, answer), secret, op)
		}
		for _, c := range shapeOf(op).columns() {
			if !c.secret {
				continue
			}
			secrets++
			for _, o := range []Options{{}, {Raw: true}, {Out: "file"}} {
				o.Field = c.name
				_, err := newView(op, o)
				require.EqualError(t, err, c.name+" is a secret; -reveal prints it")
			}
		}
	}
	require.Positive(t, secrets)
}

// blank empties every string that is not a secret.
func blank(v reflect.Value) {
	switch {
	case v.Type() == secretType:
	case v.Kind() == reflect.String:
		v.SetString("")
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			blank(v.Index(i))
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			blank(v.Field(i))
		}
	}
}

// A table and -field would leave out what the shape lacks.
func TestEveryFieldOfAnAnswerIsInItsShape(t *testing.T) {
	for _, op := range kmsapi.Operations() {
		encoded, err := json.Marshal(filled(op, "x"))
		require.NoError(t, err)
		require.Len(t, shapeOf(op).columns(), leaves(t, encoded), op)
		require.NotEmpty(t, shapeOf(op).singles)
		require.Equal(t, "RequestId", shapeOf(op).singles[0].name)
	}
}

func TestAListInAnEntryIsOneCell(t *testing.T) {
	answer := &kmsapi.ListSecretVersionIdsResponse{VersionIds: kmsapi.SecretVersionList{
		VersionId: []kmsapi.SecretVersionEntry{
			{VersionId: "2", VersionStages: kmsapi.StageList{VersionStage: []string{"ACSCurrent", "beta"}}},
			{VersionId: "1"},
		},
	}}
	shown := show(t, kmsapi.OpListSecretVersionIds, Options{Format: FormatTable}, answer)
	require.Contains(t, shown, "ACSCurrent,beta")
	require.Equal(t, "ACSCurrent,beta\n\n", show(t, kmsapi.OpListSecretVersionIds, Options{Field: "VersionStage"}, answer))
}

func TestAListMayHaveValuesForEntries(t *testing.T) {
	type names struct {
		Names   struct{ Name []string }
		Secrets struct{ Secret []kmsapi.Secret }
	}
	var s shape
	s.add(reflect.TypeFor[names](), "", nil)
	require.Equal(t, []string{"Names.Name", "Secrets.Secret"}, []string{s.columns()[0].path, s.columns()[1].path})
	v := &view{shape: s}
	require.Equal(t, "one", v.text(reflect.ValueOf("one"), s.columns()[0]))
	require.Equal(t, "[redacted]", v.text(reflect.ValueOf(kmsapi.NewSecret("one")), s.columns()[1]))
}

// leaves counts the single values in JSON. Of a list, one entry counts.
func leaves(t *testing.T, encoded []byte) (n int) {
	t.Helper()
	var members map[string]json.RawMessage
	var entries []json.RawMessage
	if json.Unmarshal(encoded, &members) == nil {
		for _, member := range members {
			n += leaves(t, member)
		}
		return n
	}
	if json.Unmarshal(encoded, &entries) == nil {
		return leaves(t, entries[0])
	}
	return 1
}

func TestMistakesInWhatToPrint(t *testing.T) {
	for want, tc := range map[string]struct {
		op      kmsapi.Operation
		options Options
	}{
		`the answer of ListKeys has no field "Keyid"; did you mean KeyId?`: {kmsapi.OpListKeys, Options{Field: "Keyid"}},
		`the answer of ListKeys has no field "Plaintext"`:                  {kmsapi.OpListKeys, Options{Field: "Plaintext"}},
		`-field prints one value, and -o json the whole answer; give only one of them`: {
			kmsapi.OpListKeys, Options{Field: "KeyId", Format: FormatJSON},
		},
		`-raw is for plaintexts and binary secrets, and ListKeys has none`: {kmsapi.OpListKeys, Options{Raw: true}},
		`-raw with Decrypt needs -field Plaintext -reveal`:                 {kmsapi.OpDecrypt, Options{Raw: true}},
		`-raw with GetSecretValue needs -field SecretData -reveal`:         {kmsapi.OpGetSecretValue, Options{Raw: true}},
	} {
		_, err := newView(tc.op, tc.options)
		require.EqualError(t, err, want)
		require.ErrorAs(t, err, new(*UsageError))
	}
}

func TestAPlaintextThatIsNotBytes(t *testing.T) {
	v, err := newView(kmsapi.OpDecrypt, Options{Field: "Plaintext", Reveal: true, Raw: true})
	require.NoError(t, err)
	err = v.print(new(bytes.Buffer), &kmsapi.DecryptResponse{Plaintext: kmsapi.NewSecret("not base64!")})
	require.EqualError(t, err, "Plaintext of Decrypt: it is not base64, so it was not encrypted as bytes; leave out -raw")
}
