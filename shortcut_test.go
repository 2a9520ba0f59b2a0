package alicloudkms

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// denies makes RAM deny an operation.
func (r *rig) denies(op kmsapi.Operation) { r.fails(op, answered(kmsapi.ErrNoPermission)) }

// calls counts the calls of do, by operation.
func (r *rig) calls(do func()) map[kmsapi.Operation]int {
	before := map[kmsapi.Operation]int{}
	for _, op := range kmsapi.Operations() {
		before[op] = r.kms.count(op)
	}
	do()
	made := map[kmsapi.Operation]int{}
	for op, n := range before {
		if now := r.kms.count(op); now > n {
			made[op] = now - n
		}
	}
	return made
}

// shortcuts returns the requests that have a shortcut, and the calls that they make without it.
func shortcuts(r *rig, key string) map[string]struct {
	data      body
	op        kmsapi.Operation
	otherwise map[kmsapi.Operation]int
} {
	return map[string]struct {
		data      body
		op        kmsapi.Operation
		otherwise map[kmsapi.Operation]int
	}{
		"rewrap/" + key: {
			body{"ciphertext": r.encrypt(key, hello)},
			kmsapi.OpReEncrypt,
			map[kmsapi.Operation]int{kmsapi.OpDecrypt: 1, kmsapi.OpEncrypt: 1},
		},
		"datakey/wrapped/" + key: {
			body{"bits": 512},
			kmsapi.OpGenerateDataKeyWithoutPlaintext,
			map[kmsapi.Operation]int{kmsapi.OpGenerateDataKey: 1},
		},
	}
}

func TestNoPlaintextComesToVaultWhereKMSCanKeepIt(t *testing.T) {
	r := newKeyRig(t, "a")
	for path, c := range shortcuts(r, "a") {
		var made any
		require.Equal(t, map[kmsapi.Operation]int{c.op: 1},
			r.calls(func() { made = r.write(path, c.data).Data["ciphertext"] }), path)
		require.NotEmpty(t, r.write("decrypt/a", body{"ciphertext": made}).Data["plaintext"], path)
	}
}

func TestShortcutThatIsNotOfferedIsTriedAgainAfterTenMinutes(t *testing.T) {
	for name, refusal := range map[string]*kmsapi.Error{
		"by RAM":                  kmsapi.ErrNoPermission,
		"by an earlier service":   kmsapi.ErrActionNotFound,
		"by KMS for such a key":   kmsapi.ErrUnsupportedOperation,
		"by a gateway of its own": kmsapi.ErrInvalidAPIName,
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a", "b")
			now := time.Now()
			r.backend().process.now = func() time.Time { return now }
			for path, c := range shortcuts(r, "a") {
				r.fails(c.op, answered(refusal))
				write := func() { r.write(path, c.data) }
				first := map[kmsapi.Operation]int{c.op: 1}
				for op, n := range c.otherwise {
					first[op] = n
				}
				require.Equal(t, first, r.calls(write))
				now = now.Add(10*time.Minute - time.Second)
				require.Equal(t, c.otherwise, r.calls(write))
				now = now.Add(time.Second)
				require.Equal(t, first, r.calls(write))
				require.Equal(t, c.otherwise, r.calls(write))
				r.kms.before = nil
				require.Equal(t, c.otherwise, r.calls(write))
				now = now.Add(10 * time.Minute)
				require.Equal(t, map[kmsapi.Operation]int{c.op: 1}, r.calls(write))
				require.Equal(t, 1, strings.Count(r.log.String(), "operation="+string(c.op)+" key=a"), "logged once")
			}
		})
	}
}

func TestShortcutIsClosedForOneCMKAndOneConfiguration(t *testing.T) {
	r := newKeyRig(t, "a", "b")
	r.denies(kmsapi.OpReEncrypt)
	ciphertext, other := body{"ciphertext": r.encrypt("a", hello)}, body{"ciphertext": r.encrypt("b", hello)}
	r.write("rewrap/a", ciphertext)
	r.kms.before = nil
	reEncrypted := map[kmsapi.Operation]int{kmsapi.OpReEncrypt: 1}
	require.Equal(t, reEncrypted, r.calls(func() { r.write("rewrap/b", other) }))
	r.write("config", body{"max_parallel": 5})
	require.Equal(t, reEncrypted, r.calls(func() { r.write("rewrap/a", ciphertext) }))
}

func TestCiphertextThatMayNotBeOpenedClosesNoShortcut(t *testing.T) {
	r := newKeyRig(t, "a", "b")
	own, foreign := body{"ciphertext": r.encrypt("a", hello)}, body{"ciphertext": r.encrypt("b", hello)}
	r.kms.before = func(_ context.Context, q kmsapi.Request) error { return answered(kmsapi.ErrNoPermission) }
	_, err := r.tryWrite("rewrap/a", foreign)
	refused(t, err, 403, "Decrypt", "kms:ReEncryptFrom and kms:ReEncryptTo")
	_, err = r.tryWrite("datakey/wrapped/a", nil)
	refused(t, err, 403, "kms:GenerateDataKeyWithoutPlaintext")
	r.denies(kmsapi.OpReEncrypt)
	_, err = r.tryWrite("rewrap/a", foreign)
	refused(t, err, 403, "not made by this key")
	r.kms.before = nil
	require.Equal(t, map[kmsapi.Operation]int{kmsapi.OpReEncrypt: 1}, r.calls(func() { r.write("rewrap/a", own) }))
}

func TestBatchTakesTheShortcutForEachItem(t *testing.T) {
	r := newKeyRig(t, "a")
	item := body{"ciphertext": r.encrypt("a", hello)}
	require.Equal(t, map[kmsapi.Operation]int{kmsapi.OpReEncrypt: 3},
		r.calls(func() { r.batch("rewrap/a", []any{item, item, item}) }))
	require.Equal(t, map[kmsapi.Operation]int{kmsapi.OpGenerateDataKeyWithoutPlaintext: 2},
		r.calls(func() { r.batch("datakey/wrapped/a", []any{body{}, body{"bits": 128}}) }))
}
