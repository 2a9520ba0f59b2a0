package alicloudkms

import (
	"encoding/base64"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// victims are the bound contexts of the attacked keys. The attackers' keys have the same KMS key.
var victims = map[string]body{
	"no bound context": {}, "a bound context": {"app": "payroll"},
	"a bound context around ours": {"app": "payroll", "zone": "z"},
}

// An attack is an attack on the data key of a victim by callers of all keys that share its KMS key.
type attack struct {
	*rig
	bound   body
	sealed  string
	message envelope.Message
}

// attackers are the keys whose callers attack: some without a bound context, and some with the victim's.
var attackers = []string{"victim", "free", "free-envelope", "same", "same-envelope"}

func newAttack(t *testing.T, arrange func(*rig), bound body) *attack {
	t.Helper()
	r := newKeyRig(t)
	arrange(r)
	cmk := r.newCMK()
	for name, bound := range map[string]body{
		"victim": bound, "free": nil, "free-envelope": nil, "same": bound, "same-envelope": bound,
	} {
		r.write("keys/"+name+"/register", body{"key_id": cmk, "bound_context": bound})
		if strings.HasSuffix(name, "envelope") || name == "victim" {
			r.write("keys/"+name+"/config", body{"encryption": "envelope"})
			r.encrypt(name, hello)
		}
	}
	sealed := r.encrypt("victim", hello)
	return &attack{r, bound, sealed, messageOfText(t, sealed)}
}

func (a *attack) wrapped() string { return base64.StdEncoding.EncodeToString(a.message.Wrapped) }

// dataKeyContext returns the context that KMS has bound to the victim's data key.
func (a *attack) dataKeyContext() kmsapi.EncryptionContext {
	bound := kmsapi.EncryptionContext{}
	for name, value := range a.bound {
		bound[name] = value.(string)
	}
	return envelope.DataKeyContext(bound, a.message.ID, a.message.Version)
}

// opensStraight decrypts with KMS's own credentials.
func (a *attack) opensStraight(c kmsapi.EncryptionContext) bool {
	q := &kmsapi.DecryptRequest{CiphertextBlob: a.wrapped(), EncryptionContext: c}
	if a.kms.instead != nil {
		answer, err := a.kms.instead(q)
		return err == nil && answer != nil
	}
	_, err := a.direct().Do(a.t.Context(), q)
	return err == nil
}

// uses returns all requests in which a caller can give a context.
func (a *attack) uses(key string) map[string]body {
	return map[string]body{
		"decrypt/" + key: {"ciphertext": "vault:v1:" + a.wrapped()}, "rewrap/" + key: {"ciphertext": a.wrapped()},
		"encrypt/" + key:           {"plaintext": base64.StdEncoding.EncodeToString(make([]byte, envelope.KeySize))},
		"datakey/plaintext/" + key: {}, "datakey/wrapped/" + key: {},
	}
}

// Whatever KMS binds, no caller can write the context of a data key.
func TestNoCallerSpellsTheContextOfADataKey(t *testing.T) {
	for kind, arrange := range kindsOfKMS {
		for name, bound := range victims {
			t.Run(kind+", "+name, func(t *testing.T) {
				a := newAttack(t, arrange, bound)
				wanted, opened := a.dataKeyContext(), 0
				all := spellings(unescaped(wanted))
				require.GreaterOrEqual(t, len(all), 8)
				for _, spelled := range all {
					if a.opensStraight(spelled) {
						opened++
					}
				}
				if kind == "KMS" {
					require.Equal(t, 1, opened)
				} else {
					require.Equal(t, len(all), opened, "each is an attack")
				}
				before := a.kms.total()
				for _, spelled := range all {
					a.isRefused(spelled)
				}
				require.Equal(t, before, a.kms.total(), "KMS is not asked")
			})
		}
	}
}

// isRefused tries a context on all keys, both whole and without the entries that the key itself binds.
func (a *attack) isRefused(spelled kmsapi.EncryptionContext) {
	a.t.Helper()
	rest := maps.Clone(spelled)
	maps.DeleteFunc(rest, func(name, value string) bool { return a.bound[name] == value })
	for _, key := range attackers {
		for path, data := range a.uses(key) {
			for _, given := range []kmsapi.EncryptionContext{spelled, rest} {
				_, err := a.tryWrite(path, with(data, body{"encryption_context": asFields(given)}))
				refused(a.t, err, 400)
			}
		}
	}
	for _, path := range []string{"keys/free/config", "keys/same/config"} {
		_, err := a.tryWrite(path, body{"bound_context": asFields(spelled)})
		refused(a.t, err, 400)
	}
}

func asFields(c kmsapi.EncryptionContext) body {
	fields := body{}
	for name, value := range c {
		fields[name] = value
	}
	return fields
}

// lookalikes returns fields that a caller can give and that are nearly the context of a data key.
func (a *attack) lookalikes() map[string]body {
	id := a.message.ID.String()
	ours := "vault:envelope=" + id + "&vault:purpose=envelope/1&vault:version=1"
	encoded := base64.StdEncoding.EncodeToString([]byte(ours))
	entry := func(name, value string) body { return body{"encryption_context": body{name: value}} }
	wide := strings.NewReplacer(":", "\uff1a", "vault", "vau\u200blt").Replace(ours)
	named := func(prefix string) body {
		return body{"encryption_context": body{
			prefix + "purpose": "envelope/1", prefix + "envelope": id, prefix + "version": "1",
		}}
	}
	return map[string]body{
		"nothing":             {},
		"the context":         {"context": encoded},
		"the associated data": {"associated_data": encoded},
		"both":                {"context": encoded, "associated_data": encoded},
		"upper case":          named("Vault:"),
		"a space":             named(" vault:"),
		"no prefix":           named(""),
		"an escaped prefix":   named("vault%3A"),
		"escaped separators":  entry("app", "payroll%26"+strings.ReplaceAll(ours, "&", "%26")),
		"other separators":    entry("app", "payroll;"+strings.ReplaceAll(ours, "&", ";")),
		"wide separators":     entry("app", "payroll&"+wide),
		"a split prefix":      {"encryption_context": body{"vault": ":envelope=" + id, "x": "vault:purpose=envelope/1"}},
		"JSON in a value":     entry("app", `payroll","vault:envelope":"`+id+`","vault:purpose":"envelope/1`),
		"only our name":       entry("vault", "purpose=envelope/1"),
		"a file's":            entry("alicloudkms:file", "1"),
	}
}

func TestNoContextOfACallerOpensADataKeyOrMakesOne(t *testing.T) {
	for kind, arrange := range kindsOfKMS {
		for name, bound := range victims {
			t.Run(kind+", "+name, func(t *testing.T) {
				a := newAttack(t, arrange, bound)
				for what, fields := range a.lookalikes() {
					for _, key := range attackers {
						a.opensNothing(what, key, fields)
						a.makesNothing(what, key, fields)
					}
				}
			})
		}
	}
}

// denied requires that a request is refused like one with a wrong ciphertext.
func (a *attack) denied(what, path string, data body) {
	a.t.Helper()
	resp, err := a.tryWrite(path, data)
	require.Error(a.t, err, "%s: %s: %v", what, path, resp)
	require.Contains(a.t, []int{400, 403}, refusal.Status(err), "%s: %s: %s", what, path, err)
}

// opensNothing sends the wrapped key of the victim's message as a ciphertext of KMS.
func (a *attack) opensNothing(what, key string, fields body) {
	a.t.Helper()
	for _, ciphertext := range []string{a.wrapped(), "vault:v1:" + a.wrapped(), "vault:v2:" + a.wrapped()} {
		a.denied(what, "decrypt/"+key, with(fields, body{"ciphertext": ciphertext}))
	}
	a.denied(what, "rewrap/"+key, with(fields, body{"ciphertext": a.wrapped()}))
}

// makesNothing makes data keys that the caller knows, and passes them off as the victim's.
func (a *attack) makesNothing(what, key string, fields body) {
	a.t.Helper()
	made, err := a.tryWrite("datakey/plaintext/"+key, fields)
	if err != nil {
		refused(a.t, err, 400, "bound to the key")
		return
	}
	a.isNoDataKey(what, made.Data["ciphertext"].(string), made.Data["plaintext"].(string))
	if strings.HasSuffix(key, "envelope") || key == "victim" {
		return // This key encrypts nothing with KMS.
	}
	known := base64.StdEncoding.EncodeToString(make([]byte, envelope.KeySize))
	ciphertext := a.write("encrypt/"+key, with(fields, body{"plaintext": known})).Data["ciphertext"].(string)
	a.isNoDataKey(what, ciphertext, known)
}

// isNoDataKey makes a message of the victim with a known data key, and requires that it is refused.
func (a *attack) isNoDataKey(what, ciphertext, plaintext string) {
	a.t.Helper()
	_, blob, err := versions.Split(ciphertext)
	require.NoError(a.t, err)
	wrapped, err := base64.StdEncoding.DecodeString(blob)
	require.NoError(a.t, err)
	secret, err := base64.StdEncoding.DecodeString(plaintext)
	require.NoError(a.t, err)
	key := envelope.NewKey((*[envelope.KeySize]byte)(secret))
	header := envelope.Header{ID: a.message.ID, Version: a.message.Version, Wrapped: wrapped}
	text := versions.JoinBytes(int(header.Version), key.AppendMessage(nil, header, nil, []byte("hello")))
	for _, path := range []string{"decrypt/victim", "rewrap/victim"} {
		a.denied(what, path, body{"ciphertext": text})
	}
}
