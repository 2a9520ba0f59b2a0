package alicloudkms

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// storedFormat returns the format of a key's entry, which an earlier plugin reads first.
func (r *rig) storedFormat(name string) int {
	r.t.Helper()
	var stored struct {
		Format int `json:"format"`
	}
	require.NoError(r.t, json.Unmarshal([]byte(r.storedKey(name)), &stored))
	return stored.Format
}

// An earlier plugin refuses formats that it does not know: it would drop the data keys when it writes.
func TestEntryThatHasHadDataKeysHasALaterFormat(t *testing.T) {
	r := newKeyRig(t, "a")
	require.Equal(t, formatVersions, r.storedFormat("a"))
	for _, mode := range []string{"envelope", "direct"} {
		r.write("keys/a/config", body{"encryption": mode})
		require.Equal(t, formatEnvelope, r.storedFormat("a"))
	}
	newest := body{"min_decryption_version": 3, "min_encryption_version": 3}
	r.write("keys/a/config", newest)
	r.write("keys/a/trim", body{"min_available_version": 3})
	require.Equal(t, formatEnvelope, r.storedFormat("a"), "it keeps its envelope id")

	stored := strings.Replace(r.storedKey("a"), `"format":2`, `"format":3`, 1)
	r.putKey("a", stored)
	for path, data := range map[string]body{"encrypt/a": {"plaintext": hello}, "keys/a/config": newest} {
		_, err := r.tryWrite(path, data)
		refused(t, err, 500, "format 3", "later version")
	}
	require.Equal(t, stored, r.storedKey("a"))
}

func TestEntryInEnvelopeModeComesBackAsItWasStored(t *testing.T) {
	r := newKeyRig(t)
	r.write("keys/a", body{"encryption": "envelope", "auto_rotate_period": "48h", "derived": true})
	r.write("keys/a/rotate", nil)
	stored := r.storedKey("a")
	entry := r.entry("a")
	again, err := encodeKey("a", entry)
	require.NoError(t, err)
	require.Equal(t, stored, string(again.Value))
	require.Equal(t, 48*time.Hour, entry.AutoRotate)
	require.Len(t, entry.dataKeys, 2)
	require.NotContains(t, stored, hello)
}

func TestDamagedDataKeysAreNotUsed(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	good := r.storedKey("a")
	wrapped, id := r.entry("a").versions.NewestRow().WrappedKey, r.entry("a").shownID()
	for name, damage := range map[string]*strings.Replacer{
		"an id that is cut":            strings.NewReplacer(id, id[1:]),
		"an id in capitals":            strings.NewReplacer(id, strings.Repeat("A", 32)),
		"an id of zeros":               strings.NewReplacer(id, strings.Repeat("0", 32)),
		"no id":                        strings.NewReplacer(`,"envelope_id":"`+id+`"`, ""),
		"a data key that is no base64": strings.NewReplacer(wrapped, "?"),
		"a data key that is too long":  strings.NewReplacer(wrapped, strings.Repeat("A", 1368)),
		"a newest that is no data key": strings.NewReplacer(`"wrapped_key":"`+wrapped+`",`, ""),
	} {
		t.Run(name, func(t *testing.T) {
			damaged := damage.Replace(good)
			require.NotEqual(t, good, damaged)
			r.putKey("a", damaged)
			for path, data := range map[string]body{
				"encrypt/a": {"plaintext": hello}, "keys/a/config": nil, "keys/a/rotate": nil,
			} {
				_, err := r.tryWrite(path, data)
				require.ErrorContains(t, err, `the stored entry of key "a" is damaged`)
			}
			require.Equal(t, damaged, r.storedKey("a"))
		})
	}
	r.putKey("a", good)
	r.opens("a", r.encrypt("a", hello))
}

func TestKeyOfBeforeChangesToEnvelopeMode(t *testing.T) {
	noList := failing(kmsapi.OpListKeyVersions, answered(kmsapi.ErrNoPermission))
	for name, c := range map[string]struct {
		arrange func(*rig)
		// newest is the version of the first data key, and back the one that direct mode has after that.
		newest, back int
	}{
		"of format 0": {func(r *rig) { r.oldKey("a") }, 2, 3},
		"of format 0, which KMS has rotated": {func(r *rig) {
			r.oldKey("a")
			r.direct().rotate(r.keyID("a"))
		}, 3, 4},
		"of format 0, whose versions KMS hides": {func(r *rig) {
			r.oldKey("a")
			r.kms.before = noList
		}, 2, 3},
		"of format 1": {func(r *rig) {
			r.write("keys/a/config", body{"bound_context": "team=hr", "deletion_allowed": true})
		}, 2, 3},
		"of format 1, which KMS has rotated": {func(r *rig) {
			r.write("keys/a/config", body{"bound_context": "team=hr", "deletion_allowed": true})
			r.direct().rotate(r.keyID("a"))
		}, 3, 4},
		"of format 1, from when KMS hid its versions": {func(r *rig) {
			r.oldKey("a")
			r.kms.before = noList
			r.write("keys/a/config", nil)
			require.Equal(r.t, formatVersions, r.storedFormat("a"))
			r.kms.before = nil
		}, 2, 3},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			c.arrange(r)
			direct := r.encrypt("a", hello)
			r.write("keys/a/config", body{"encryption": "envelope"})
			sealed := r.encrypt("a", hello)
			require.EqualValues(t, c.newest, messageOfText(t, sealed).Version)
			r.opens("a", direct, sealed)
			entry := r.entry("a")
			require.Equal(t, formatEnvelope, r.storedFormat("a"))
			require.True(t, entry.DeletionAllowed)
			require.Equal(t, map[string]string{"team": "hr"}, entry.BoundContext)
			require.Equal(t, kmsapi.KeySpecAES256, entry.KeySpec)

			require.Equal(t, c.back, r.write("keys/a/config", body{"encryption": "direct"}).Data["latest_version"])
			r.opens("a", direct, sealed, r.encrypt("a", hello))
			r.restart()
			r.opens("a", direct, sealed, r.encrypt("a", hello))
		})
	}
}

func TestKeyOfBeforeStaysAsItIsIfItCannotChangeItsMode(t *testing.T) {
	for name, c := range map[string]struct {
		op     kmsapi.Operation
		fails  error
		status int
	}{
		"KMS does not describe its KMS key": {kmsapi.OpDescribeKey, answered(kmsapi.ErrNoPermission), 403},
		"KMS throttles":                     {kmsapi.OpListKeyVersions, answered(kmsapi.ErrThrottling), 429},
		"RAM denies data keys":              {kmsapi.OpGenerateDataKey, answered(kmsapi.ErrNoPermission), 403},
		"RAM denies to open them":           {kmsapi.OpDecrypt, answered(kmsapi.ErrNoPermission), 403},
		"its KMS key is disabled":           {kmsapi.OpGenerateDataKey, answered(kmsapi.ErrRejectedDisabled), 409},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			stored := r.oldKey("a")
			r.fails(c.op, c.fails)
			_, err := r.tryWrite("keys/a/config", body{"encryption": "envelope", "deletion_allowed": false})
			refused(t, err, c.status)
			require.Equal(t, stored, r.storedKey("a"))
			r.kms.before = nil
			r.opens("a", r.encrypt("a", hello))
		})
	}
}
