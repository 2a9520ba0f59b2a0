package alicloudkms

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

var asEnvelope = body{"encryption": "envelope", "auto_rotate_period": "48h"}

// isEnvelope requires that a key is in envelope mode, is rotated every two days, and works.
func (r *rig) isEnvelope(name string, newest int) {
	r.t.Helper()
	entry := r.entry(name)
	require.True(r.t, entry.isEnvelope())
	require.True(r.t, entry.hasEnvelopeID())
	require.Equal(r.t, 48*time.Hour, entry.AutoRotate)
	require.Equal(r.t, newest, entry.versions.Newest())
	require.True(r.t, entry.versions.NewestRow().IsDataKey())
	require.Equal(r.t, entry.KeyID, r.wrapper(name, r.encrypt(name, hello)))
	r.opens(name, r.encrypt(name, hello))
	require.Zero(r.t, r.unsettled())
}

// envelopeInterruptions returns [interruptions], and those between the CMK and the data key.
func envelopeInterruptions() map[string]func(*rig) {
	all := map[string]func(*rig){}
	for name, c := range interruptions {
		if c.made && !c.named {
			all[name] = c.arrange
		}
	}
	all["nothing can be stored"] = func(r *rig) { // from the new CMK on
		r.kms.after = func(_ context.Context, q kmsapi.Request) error {
			if q.Operation() == kmsapi.OpCreateKey {
				r.storage.reset("put", -1)
			}
			return nil
		}
	}
	all["RAM denies the data key"] = func(r *rig) {
		r.kms.before = failing(kmsapi.OpGenerateDataKey, answered(kmsapi.ErrNoPermission))
	}
	all["no data key arrives"] = func(r *rig) {
		r.kms.after = failing(kmsapi.OpGenerateDataKey, lost(kmsapi.OpGenerateDataKey))
	}
	all["RAM denies to open the data key"] = func(r *rig) {
		r.kms.before = failing(kmsapi.OpDecrypt, answered(kmsapi.ErrNoPermission))
	}
	return all
}

// stops lets arrange interrupt a request, and starts the plugin again.
func (r *rig) stops(arrange func(*rig), path string, data body) {
	r.t.Helper()
	r.storage.reset("", 0)
	arrange(r)
	_, err := r.tryWrite(path, data)
	require.Error(r.t, err)
	r.kms.before, r.kms.after = nil, nil
	r.storage.reset("", 0)
	r.restart()
	require.NotZero(r.t, r.unsettled())
}

func TestInterruptedCreationOfAKeyInEnvelopeModeIsFinished(t *testing.T) {
	for name, arrange := range envelopeInterruptions() {
		for way, finish := range map[string]func(*rig){
			"by rollback":                  func(r *rig) { require.NoError(r.t, r.settleNow()) },
			"by a repeat":                  func(r *rig) { r.write("keys/a", asEnvelope) },
			"by a write of the name alone": func(r *rig) { r.write("keys/a", nil) },
		} {
			t.Run(name+", "+way, func(t *testing.T) {
				r := newKeyRig(t)
				r.stops(arrange, "keys/a", asEnvelope)
				finish(r)
				require.Len(t, r.cmks(), 1)
				r.isEnvelope("a", 1)
			})
		}
	}
}

func TestInterruptedRotationToANewKMSKeyIsFinishedWithADataKey(t *testing.T) {
	for name, arrange := range envelopeInterruptions() {
		for way, finish := range map[string]func(*rig){
			"by rollback": func(r *rig) { require.NoError(r.t, r.settleNow()) },
			"by a repeat": func(r *rig) { r.write("keys/a/rotate", body{"new_cmk": true}) },
		} {
			t.Run(name+", "+way, func(t *testing.T) {
				r := newKeyRig(t)
				r.write("keys/a", asEnvelope)
				old, first := r.keyID("a"), r.encrypt("a", hello)
				r.restart()
				r.stops(arrange, "keys/a/rotate", body{"new_cmk": true})
				require.Equal(t, old, r.keyID("a"))
				r.opens("a", first)
				finish(r)
				require.Len(t, r.cmks(), 2)
				require.NotEqual(t, old, r.keyID("a"))
				r.isEnvelope("a", 2)
				r.opens("a", first)
			})
		}
	}
}

func TestInterruptedRotationIsFinishedInTheModeThatTheKeyHasThen(t *testing.T) {
	for _, c := range []struct{ before, after string }{{"envelope", "direct"}, {"direct", "envelope"}} {
		t.Run("from "+c.before+" to "+c.after, func(t *testing.T) {
			r := newKeyRig(t)
			r.write("keys/a", body{"encryption": c.before})
			old := r.keyID("a")
			r.stops(interruptions["the answer is lost"].arrange, "keys/a/rotate", body{"new_cmk": true})
			r.write("keys/a/config", body{"encryption": c.after})
			require.NoError(t, r.settleNow())
			require.NotEqual(t, old, r.keyID("a"))
			require.Equal(t, c.after, r.read("keys/a").Data["encryption"])
			require.Equal(t, 3, version(t, r.encrypt("a", hello)))
			r.opens("a", r.encrypt("a", hello))
		})
	}
}

// newDyingEnvelopeRig makes a key a in envelope mode, whose CMK is scheduled for deletion.
func newDyingEnvelopeRig(t *testing.T) (r *rig, ciphertext string) {
	t.Helper()
	r = newKeyRig(t, "a")
	r.write("keys/a/config", with(asEnvelope, body{"bound_context": "team=hr", "deletion_allowed": true}))
	ciphertext = r.encrypt("a", hello)
	r.remove("keys/a", nil)
	return r, ciphertext
}

func TestRecreatedKeyIsANewOneInTheSameMode(t *testing.T) {
	for name, c := range map[string]struct {
		asked  body
		mode   string
		period time.Duration
		// policy is the CMK's rotation policy.
		policy string
	}{
		"nothing is asked for":   {nil, "envelope", 48 * time.Hour, ""},
		"the same mode":          {body{"encryption": "envelope"}, "envelope", 48 * time.Hour, ""},
		"a period of the engine": {body{"auto_rotate_period": "25h"}, "envelope", 25 * time.Hour, ""},
		"no rotation":            {body{"auto_rotate_period": 0}, "envelope", 0, ""},
		"direct mode":            {body{"encryption": "direct"}, "direct", 0, ""},
		"direct mode and KMS's rotation": {
			body{"encryption": "direct", "auto_rotate_period": "168h"}, "direct", 0, "604800s",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, ciphertext := newDyingEnvelopeRig(t)
			was := r.entry("a")
			r.write("keys/a", with(body{"recreate": true}, c.asked))
			is := r.entry("a")
			require.NotEqual(t, was.KeyID, is.KeyID)
			require.NotEqual(t, was.EnvelopeID, is.EnvelopeID)
			require.Equal(t, 1, is.versions.Newest())
			require.Equal(t, c.mode, is.mode())
			require.Equal(t, c.period, is.AutoRotate)
			require.Equal(t, c.policy, r.direct().describe(is.KeyID).RotationInterval)
			require.Equal(t, map[string]string{"team": "hr"}, is.BoundContext)
			_, err := r.tryWrite("decrypt/a", body{"ciphertext": ciphertext})
			refused(t, err, 403, "not made by this key")
			r.opens("a", r.encrypt("a", hello))
		})
	}
}

func TestWhatARecreatedKeyCannotBeIsRefusedBeforeAKMSKeyIsMade(t *testing.T) {
	for name, c := range map[string]struct {
		asked body
		says  string
	}{
		"rotated too often":        {body{"auto_rotate_period": "1h"}, "24 hours or more"},
		"rotated by KMS too often": {body{"encryption": "direct", "auto_rotate_period": "48h"}, "7 to 730 days"},
		"with imported material":   {body{"origin": "EXTERNAL"}, "imported"},
		"a key pair":               {body{"type": "rsa-2048"}, "encryption"},
		"of no mode":               {body{"encryption": "both"}, "direct or envelope"},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := newDyingEnvelopeRig(t)
			_, err := r.tryWrite("keys/a", with(body{"recreate": true}, c.asked))
			refused(t, err, 400, c.says)
			require.Len(t, r.cmks(), 1)
			require.Zero(t, r.unsettled())
		})
	}
	t.Run("with a bound_context that is too long", func(t *testing.T) {
		r := newKeyRig(t, "a")
		r.write("keys/a/config", body{"bound_context": longContext(8150), "deletion_allowed": true})
		r.remove("keys/a", nil)
		_, err := r.tryWrite("keys/a", body{"recreate": true, "encryption": "envelope"})
		refused(t, err, 400, "too long for envelope mode")
		require.Len(t, r.cmks(), 1)
		require.Zero(t, r.unsettled())
		r.write("keys/a", body{"recreate": true})
	})
}

func TestInterruptedRecreationOfAKeyInEnvelopeModeIsFinished(t *testing.T) {
	for name, arrange := range envelopeInterruptions() {
		t.Run(name, func(t *testing.T) {
			r, _ := newDyingEnvelopeRig(t)
			old := r.keyID("a")
			r.stops(arrange, "keys/a", body{"recreate": true})
			require.NoError(t, r.settleNow())
			require.Equal(t, old, r.keyID("a"), "a rollback takes no name's KMS key away")

			r, ciphertext := newDyingEnvelopeRig(t)
			was := r.entry("a")
			r.stops(arrange, "keys/a", body{"recreate": true})
			r.write("keys/a", body{"recreate": true})
			r.isEnvelope("a", 1)
			require.NotEqual(t, was.EnvelopeID, r.entry("a").EnvelopeID)
			require.Len(t, r.cmks(), 2)
			_, err := r.tryWrite("decrypt/a", body{"ciphertext": ciphertext})
			refused(t, err, 403)
		})
	}
}

// longContext returns a bound_context of n characters of JSON.
func longContext(n int) map[string]any {
	return map[string]any{"a": strings.Repeat("x", n-len(`{"a":""}`))}
}
