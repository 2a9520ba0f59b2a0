package protocol

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// keys records what is asked of it.
type keys struct {
	err       error
	request   Request
	deadline  time.Time
	algorithm string
	message   string
	signature []byte
}

func (k *keys) note(ctx context.Context, r Request, message io.Reader) {
	k.request = r
	k.deadline, _ = ctx.Deadline()
	if message != nil {
		text, _ := io.ReadAll(message)
		k.message = string(text)
	}
}

func (k *keys) DefaultAlgorithm(r Request) (string, error) {
	k.request = r
	return "an algorithm", k.err
}

func (k *keys) SupportedAlgorithms() []string { return []string{"an algorithm", "another"} }

func (k *keys) CreateKey(ctx context.Context, r Request, algorithm string) ([]byte, error) {
	k.note(ctx, r, nil)
	k.algorithm = algorithm
	return []byte("a PEM"), k.err
}

func (k *keys) PublicKey(ctx context.Context, r Request) ([]byte, error) {
	k.note(ctx, r, nil)
	return []byte("a PEM"), k.err
}

func (k *keys) SignMessage(ctx context.Context, r Request, message io.Reader) ([]byte, error) {
	k.note(ctx, r, message)
	return []byte("a signature"), k.err
}

func (k *keys) VerifySignature(ctx context.Context, r Request, message io.Reader, signature []byte) error {
	k.note(ctx, r, message)
	k.signature = signature
	return k.err
}

const opened = `"initOptions":{"protocolVersion":"v1","keyResourceID":"cn-hangzhou/alias/x","hashFunc":5,"rpcOptions":null}`

// about is a second argument about the key, with more of it.
func about(more string) string { return "{" + opened + more + "}" }

// serve runs the plugin with arguments and a message, and returns its answer and its exit status.
func serve(t *testing.T, k Keys, args ...string) (response, int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := Serve(args, strings.NewReader("the message"), &stdout, &stderr, k)
	require.Empty(t, stderr.String())
	var answer response
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &answer), "the caller parses it, whatever happened")
	return answer, status
}

func TestAnswersHaveTheFormOfTheProtocol(t *testing.T) {
	for _, c := range []struct{ method, given, want string }{
		{"defaultAlgorithm", `{}`, `{"defaultAlgorithm":"an algorithm"}`},
		{"supportedAlgorithms", `{}`, `{"supportedAlgorithms":["an algorithm","another"]}`},
		{"createKey", `{"algorithm":"x"}`, `{"publicKeyPEM":"YSBQRU0="}`},
		{"publicKey", `{}`, `{"publicKeyPEM":"YSBQRU0="}`},
		{"signMessage", `{}`, `{"signature":"YSBzaWduYXR1cmU="}`},
		{"verifySignature", `{}`, `{}`},
	} {
		var stdout bytes.Buffer
		args := []string{"v1", about(`,"methodName":"` + c.method + `","` + c.method + `":` + c.given)}
		status := Serve(args, strings.NewReader(""), &stdout, io.Discard, new(keys))
		require.Zero(t, status, c.method)
		require.JSONEq(t, `{"`+c.method+`":`+c.want+`}`, stdout.String())
	}
}

func TestOptionsOfTheMethodTakePrecedenceOverThoseOfTheKey(t *testing.T) {
	const key = `{"initOptions":{"protocolVersion":"v1","keyResourceID":"r/k","hashFunc":5,` +
		`"ctxDeadline":"2000-01-01T00:00:00Z","rpcOptions":{"keyVersion":"old","remoteVerification":true,"ctxDeadline":"2000-01-01T00:00:00Z"}},` +
		`"futureField":1,`
	k := new(keys)
	_, status := serve(t, k, "v1", key+`"methodName":"signMessage","signMessage":{"signOptions":`+
		`{"rpcOptions":{"ctxDeadline":"2100-01-02T03:04:05Z","keyVersion":"new","remoteVerification":false},`+
		`"messageOptions":{"digest":"ZGlnZXN0","hashFunc":6}}}}`)
	require.Zero(t, status)
	require.Equal(t, Request{
		Reference: "r/k", Version: "new", Remote: true, Hash: crypto.SHA384, Digest: []byte("digest"),
	}, k.request)
	require.Equal(t, time.Date(2100, 1, 2, 3, 4, 5, 0, time.UTC), k.deadline)
	require.Equal(t, "the message", k.message)

	k = new(keys)
	_, status = serve(t, k, "v1", key+`"methodName":"verifySignature","verifySignature":{"signature":"c2ln",`+
		`"verifyOptions":{"rpcOptions":{"keyVersion":""},"messageOptions":{"digest":null}}}}`)
	require.Zero(t, status)
	require.Equal(t, Request{Reference: "r/k", Version: "old", Remote: true, Hash: crypto.SHA256}, k.request)
	require.Zero(t, k.deadline, "a deadline of when the key was opened is not that of the method")
	require.Equal(t, []byte("sig"), k.signature)
}

func TestWhatIsNotTheProtocolIsAnsweredInIt(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"no JSON":          {[]string{"v1"}, "takes two arguments"},
		"an argument more": {[]string{"v1", "{}", "x"}, "takes two arguments"},
		"another version":  {[]string{"v2", about("")}, `"v2" is not supported: this plugin speaks v1`},
		"another version inside": {
			[]string{"v1", `{"initOptions":{"protocolVersion":"v2"}}`},
			`"v2" of initOptions`,
		},
		"not JSON":          {[]string{"v1", "canary"}, "a mistake after 1 bytes"},
		"two JSON values":   {[]string{"v1", "{}{}"}, "a mistake after 3 bytes"},
		"an empty argument": {[]string{"v1", ""}, "a mistake after 0 bytes"},
		"a list":            {[]string{"v1", "[]"}, "it must not be the JSON type array"},
		"null":              {[]string{"v1", "null"}, "no initOptions"},
		"no key":            {[]string{"v1", "{}"}, "no initOptions"},
		"no method":         {[]string{"v1", about("")}, `no method ""`},
		"another method": {
			[]string{"v1", about(`,"methodName":"cryptoSigner"`)},
			`no method "cryptoSigner"`,
		},
		"no arguments": {
			[]string{"v1", about(`,"methodName":"signMessage"`)},
			"arguments of signMessage",
		},
		"those of another method": {
			[]string{"v1", about(`,"methodName":"signMessage","publicKey":{}`)},
			"are missing",
		},
		"a hash by name": {
			[]string{"v1", `{"initOptions":{"protocolVersion":"v1","hashFunc":"canary"}}`},
			"hashFunc must not be the JSON type string",
		},
		"a signature not in base64": {
			[]string{"v1", about(`,"methodName":"verifySignature","verifySignature":{"signature":"%canary"}`)},
			"a value can't be read",
		},
		"a deadline that is none": {
			[]string{"v1", about(`,"methodName":"createKey","createKey":{"ctxDeadline":"canary"}`)}, "can't be read",
		},
	} {
		t.Run(name, func(t *testing.T) {
			answer, status := serve(t, new(keys), c.args...)
			require.Contains(t, answer.ErrorMessage, c.says)
			require.NotContains(t, answer.ErrorMessage, "canary")
			require.Equal(t, response{ErrorMessage: answer.ErrorMessage}, answer, "and nothing besides")
			require.Equal(t, 1, status)
		})
	}
}

func TestAnErrorCommandsNoTerminal(t *testing.T) {
	k := &keys{err: errors.New("of KMS:\x1b[2J\nforged\u202e")}
	answer, status := serve(t, k, "v1", about(`,"methodName":"publicKey","publicKey":{}`))
	require.Equal(t, 1, status)
	require.Equal(t, "of KMS:�[2J�forged�", answer.ErrorMessage)
	require.Nil(t, answer.PublicKey)
}

// full is a standard output that accepts nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestAnAnswerThatIsLostIsNoSuccess(t *testing.T) {
	var stderr bytes.Buffer
	args := []string{"v1", about(`,"methodName":"supportedAlgorithms","supportedAlgorithms":{}`)}
	require.Equal(t, 1, Serve(args, strings.NewReader(""), full{}, &stderr, new(keys)))
	require.Contains(t, stderr.String(), "no space left")
}

// FuzzArguments looks for arguments that are not answered in the form of the protocol.
func FuzzArguments(f *testing.F) {
	f.Add(about(`,"methodName":"publicKey","publicKey":{}`))
	f.Add(about(`,"methodName":"signMessage","signMessage":{"signOptions":{"messageOptions":{"digest":"QQ=="}}}`))
	f.Add(`{"initOptions":null}`)
	f.Fuzz(func(t *testing.T, arguments string) {
		answer, status := serve(t, new(keys), "v1", arguments)
		require.Equal(t, status == 1, answer.ErrorMessage != "")
	})
}
