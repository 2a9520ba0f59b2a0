package seal

import (
	"fmt"
	"strings"
	"testing"

	"github.com/openbao/go-kms-wrapping/v2"
	"github.com/stretchr/testify/require"
)

// warnings collects the warnings of a wrapper.
type warnings struct{ lines []string }

// wrapperOf returns a wrapper with the rig's settings and changes, empty ones too, and its warnings.
func (r *rig) wrapperOf(changes map[string]string) (*Wrapper, *warnings) {
	r.t.Helper()
	log := &warnings{}
	w := &Wrapper{Clock: r.kms.Now, Warn: func(message string, args ...any) {
		log.lines = append(log.lines, fmt.Sprint(append([]any{message}, args...)...))
	}}
	settings := r.settings(nil)
	for name, value := range changes {
		settings[name] = value
	}
	_, err := w.SetConfig(r.t.Context(), wrapping.WithConfigMap(settings))
	require.NoError(r.t, err)
	r.t.Cleanup(func() { require.NoError(r.t, w.Finalize(r.t.Context())) })
	return w, log
}

func TestBlobOfAnUnexpectedCMKOpensAndIsReportedOnce(t *testing.T) {
	overBothGateways(t, func(t *testing.T, r *rig) {
		other := r.newKey()
		foreign := r.seal(r.wrapper(map[string]string{"kms_key_id": other}), "secret")
		w, log := r.wrapperOf(nil)
		r.opens(w, r.seal(w, "own"), "own")
		require.Empty(t, log.lines)
		r.opens(w, foreign, "secret")
		r.opens(w, foreign, "secret")
		require.Len(t, log.lines, 1)
		require.Contains(t, log.lines[0], other)
		require.Contains(t, log.lines[0], "previous_kms_key_ids")
	})
}

func TestOnlyPreviousCMKsOpenIfTheyAreListed(t *testing.T) {
	overBothGateways(t, func(t *testing.T, r *rig) {
		old, other := r.newKey(), r.newKey()
		ofOld := r.seal(r.wrapper(map[string]string{"kms_key_id": old}), "old")
		ofOther := r.seal(r.wrapper(map[string]string{"kms_key_id": other}), "other")
		for list, opens := range map[string]bool{"": false, " ": false, old: true, "key-x, " + old: true} {
			w, log := r.wrapperOf(map[string]string{"previous_kms_key_ids": list})
			r.opens(w, r.seal(w, "own"), "own")
			if opens {
				r.opens(w, ofOld, "old")
			} else {
				_, err := w.Decrypt(t.Context(), ofOld)
				require.ErrorIs(t, err, ErrOtherKey)
				require.ErrorContains(t, err, old)
			}
			_, err := w.Decrypt(t.Context(), ofOther)
			require.ErrorIs(t, err, ErrOtherKey)
			require.Empty(t, log.lines)
		}
	})
}

// The blob's KeyId is not authenticated.
func TestForgedKeyIdOpensNothing(t *testing.T) {
	r := newRig(t)
	blob := r.seal(r.wrapper(map[string]string{"kms_key_id": r.newKey()}), "secret")
	blob.KeyInfo.KeyId = r.key
	w, _ := r.wrapperOf(map[string]string{"previous_kms_key_ids": ""})
	_, err := w.Decrypt(t.Context(), blob)
	require.ErrorIs(t, err, ErrOtherKey)
}

func TestBlobOfTheAliasNewCMKOpensWhereNobodyHasSealedYet(t *testing.T) {
	overBothGateways(t, func(t *testing.T, r *rig) {
		r.alias("alias/unseal", r.key)
		node, log := r.wrapperOf(map[string]string{"kms_key_id": "alias/unseal", "previous_kms_key_ids": r.key})
		next := r.newKey()
		r.alias("alias/unseal", next)
		blob := r.seal(r.wrapper(map[string]string{"kms_key_id": "alias/unseal"}), "of another node")
		r.opens(node, blob, "of another node")
		require.Empty(t, log.lines)
		require.Equal(t, next, r.current(node))
	})
}

func TestPreviousKeysAreIds(t *testing.T) {
	r := newRig(t)
	for _, list := range []string{"alias/unseal", "a,,b", "a,", "acs:kms:cn-hangzhou:1:key/a", "a b"} {
		_, err := r.try(map[string]string{"previous_kms_key_ids": list})
		require.ErrorContains(t, err, "previous_kms_key_ids")
		require.False(t, strings.Contains(err.Error(), list))
	}
}
