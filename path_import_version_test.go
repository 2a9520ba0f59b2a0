package alicloudkms

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestImportedVersionFollows(t *testing.T) {
	r := newKeyRig(t)
	r.write("keys/a/import", with(r.wrapped(ourMaterial), body{"description": "ours"}))
	r.write("keys/a/tags", body{"tags": "team=hr"})
	first := r.encrypt("a", hello)
	resp := r.write("keys/a/import_version", with(r.wrapped(otherMaterial), body{
		"expire_time": "2099-01-01T00:00:00Z", "allow_rotation": false, "type": "aes256-gcm96",
	}))
	require.Equal(t, 2, resp.Data["latest_version"])
	second := r.encrypt("a", hello)
	require.Equal(t, 2, version(t, second))
	r.opens("a", first, second)
	read := r.read("keys/a").Data
	require.Equal(t, "EXTERNAL", read["origin"])
	require.Equal(t, "2099-01-01T00:00:00Z", read["material_expire_time"])
	require.Equal(t, "ours", read["description"])
	require.Equal(t, map[string]string{"team": "hr"}, read["tags"])
	r.logIsEmpty()
}

func TestVersionMayBeImportedIntoAKeyOfKMS(t *testing.T) {
	r := newKeyRig(t, "a")
	r.write("keys/a/config", body{"auto_rotate_period": "720h"})
	old, first := r.keyID("a"), r.encrypt("a", hello)
	r.write("keys/a/import_version", r.wrapped(ourMaterial))
	r.opens("a", first, r.encrypt("a", hello))
	require.Equal(t, kmsapi.RotationDisabled, r.direct().describe(old).AutomaticRotation)
	require.Equal(t, kmsapi.RotationDisabled, r.direct().describe(r.keyID("a")).AutomaticRotation)
}

func TestWhatIsNoVersionToImportIsRefused(t *testing.T) {
	r := newKeyRig(t, "a")
	good := r.wrapped(ourMaterial)
	stored := r.storedKey("a")
	for name, c := range map[string]struct {
		path string
		data body
		code int
		says string
	}{
		"no ciphertext":         {"a", body{}, 400, "ciphertext is required"},
		"not wrapped for it":    {"a", body{"ciphertext": "QUJD"}, 400, "ciphertext"},
		"material for KMS":      {"a", body{"encrypted_key_material": "QUJD", "import_token": "QUJD"}, 400, "unknown field"},
		"a version of its own":  {"a", with(good, body{"version": 2}), 400, "version"},
		"a key that is unknown": {"none", good, 404, "none"},
		"expired":               {"a", with(good, body{"expire_time": "2001-01-01T00:00:00Z"}), 400, "expire_time"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.tryWrite("keys/"+c.path+"/import_version", c.data)
			refused(t, err, c.code, c.says)
			require.Equal(t, stored, r.storedKey("a"))
		})
	}
	require.Len(t, r.cmks(), 1, "no KMS key was made for them")
	r.logIsEmpty()
}

func TestImportOfAVersionIsFinishedWhereverItStops(t *testing.T) {
	for _, op := range []kmsapi.Operation{
		kmsapi.OpCreateKey, kmsapi.OpGetParametersForImport, kmsapi.OpImportKeyMaterial, kmsapi.OpDescribeKey,
	} {
		for _, isDone := range []bool{false, true} {
			t.Run(fmt.Sprint(op, isDone), func(t *testing.T) {
				r := newKeyRig(t, "a")
				data, old := r.wrapped(ourMaterial), r.keyID("a")
				r.write("keys/a/config", body{"auto_rotate_period": "720h"})
				n, which := 0, 1
				if op == kmsapi.OpDescribeKey {
					which = 2 // The first call is about the old KMS key.
				}
				fail := func(_ context.Context, q kmsapi.Request) error {
					if q.Operation() == op {
						if n++; n == which {
							return lost(op)
						}
					}
					return nil
				}
				if isDone {
					r.kms.after = fail
				} else {
					r.kms.before = fail
				}
				_, err := r.tryWrite("keys/a/import_version", data)
				refused(t, err, 502)
				require.Equal(t, old, r.keyID("a"), "it goes on with what it has")
				r.encrypt("a", hello)
				r.write("keys/a/import_version", data)
				require.NotEqual(t, old, r.keyID("a"))
				require.Equal(t, 2, r.entry("a").versions.Newest())
				require.Len(t, r.cmks(), 2)
				require.Equal(t, kmsapi.RotationDisabled, r.direct().describe(old).AutomaticRotation)
				require.NoError(t, r.settleNow())
				r.logIsEmpty()
				r.encrypt("a", hello)
			})
		}
	}
}

func TestRollbackNeverMakesAKMSKeyWithoutMaterialTheNewestVersion(t *testing.T) {
	r := newKeyRig(t, "a")
	data, old := r.wrapped(ourMaterial), r.keyID("a")
	r.fails(kmsapi.OpImportKeyMaterial, lost(kmsapi.OpImportKeyMaterial))
	_, err := r.tryWrite("keys/a/import_version", data)
	refused(t, err, 502, "send the same request again")
	require.ErrorContains(t, r.settleNow(), "has no key material yet")
	require.Equal(t, old, r.keyID("a"))
	r.encrypt("a", hello)
	r.kms.before = nil
	r.write("keys/a/import_version", data)
	require.NoError(t, r.settleNow())
	r.logIsEmpty()
	require.Len(t, r.cmks(), 2)
}

func TestRollbackLetsAKMSKeyFollowThatHasItsMaterial(t *testing.T) {
	r := newKeyRig(t, "a")
	old := r.keyID("a")
	data := r.wrapped(ourMaterial)
	r.kms.after = func(_ context.Context, q kmsapi.Request) error {
		if q.Operation() == kmsapi.OpImportKeyMaterial {
			return lost(q.Operation())
		}
		return nil
	}
	_, err := r.tryWrite("keys/a/import_version", data)
	refused(t, err, 502)
	require.NoError(t, r.settleNow())
	require.NotEqual(t, old, r.keyID("a"))
	require.Equal(t, 2, version(t, r.encrypt("a", hello)))
	r.logIsEmpty()
}
