package client

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Allocations are counted rather than timed: the count is the same on every machine, so a test can depend on it. The
// command `make bench` compares it with those of the official SDKs.

// signAndEncode returns a function that does what do does before each attempt.
func signAndEncode(t testing.TB) func() {
	c, err := New(Config{Credentials: Static{
		AccessKeyID: "LTAIexample", AccessKeySecret: kmsapi.NewSecret("a secret of thirty characters."),
	}})
	require.NoError(t, err)
	request := &kmsapi.EncryptRequest{
		KeyId: "08c33a6f-4e0a-4a1b-a3fa-7ddfa1d4fb73", Plaintext: kmsapi.NewSecret("c2VjcmV0"),
		EncryptionContext: kmsapi.EncryptionContext{"app": "payroll"},
	}
	credentials := Credentials(c.cfg.Credentials.(Static))
	return func() { c.sign(c.params(request), &signingState{credentials: credentials}) }
}

func TestSigningAndEncodingARequestAllocatesLittle(t *testing.T) {
	require.LessOrEqual(t, testing.AllocsPerRun(100, signAndEncode(t)), 20.0)
}

func BenchmarkSignAndEncode(b *testing.B) {
	run := signAndEncode(b)
	b.ReportAllocs()
	for b.Loop() {
		run()
	}
}
