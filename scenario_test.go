package alicloudkms

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/testlog"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

// newRealRig makes an engine as Vault does, on its own KMS service, and returns the configuration for it.
func newRealRig(t *testing.T) (*rig, *kmstest.KMS, map[string]any) {
	t.Helper()
	service := kmstest.New(t)
	return newEngine(t), service, realConfig(service)
}

// newEngine makes an engine as Vault does.
func newEngine(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, storage: &countingStorage{}, log: &testlog.Buffer{}}
	conf := logical.TestBackendConfig()
	conf.StorageView, conf.Logger = r.storage, r.logger()
	b, err := Factory(t.Context(), conf)
	require.NoError(t, err)
	t.Cleanup(func() { b.Cleanup(t.Context()) })
	r.b = b
	unhurried(r.backend().process)
	return r
}

func realConfig(service *kmstest.KMS) map[string]any {
	return body{
		"region": service.Region, "endpoint": service.Endpoint, "ca_cert": service.CACert,
		"access_key": service.AccessKeyID, "secret_key": service.AccessKeySecret.Reveal(), "max_retries": 0,
		"request_timeout": 60,
	}
}

func TestMainJobOnTheRealService(t *testing.T) {
	r, service, config := newRealRig(t)
	runMainJob(r, config, service.Restart)
	requireNoMarker(t, "the log", r.log.String())
}

// runMainJob is the engine's main job, start to finish.
func runMainJob(r *rig, config map[string]any, restartKMS func()) {
	t := r.t
	text := base64.StdEncoding.EncodeToString([]byte(markPlaintext))
	bound := body{"encryption_context": body{"employee": "4711", "<é&\u2028>": "\"\\"}, "associated_data": "QUJD"}
	open := func(key, ciphertext string) any {
		t.Helper()
		return r.write("decrypt/"+key, with(bound, body{"ciphertext": ciphertext})).Data["plaintext"]
	}

	// The first request after the restart may be sent over a connection that the service has closed.
	r.write("config", with(config, body{"max_retries": 3}))
	r.write("keys/a", body{"description": "Löhne"})
	r.write("keys/b", nil)
	require.Equal(t, "Löhne", r.read("keys/a").Data["description"])

	ciphertext := r.write("encrypt/a", with(bound, body{"plaintext": text})).Data["ciphertext"].(string)
	require.Equal(t, text, open("a", ciphertext))
	_, err := r.tryWrite("decrypt/b", with(bound, body{"ciphertext": ciphertext}))
	refused(t, err, 403)
	_, err = r.tryWrite("decrypt/a", body{"ciphertext": ciphertext})
	refused(t, err, 400, "encryption_context")

	dataKey := r.write("datakey/plaintext/a", with(bound, body{"number_of_bytes": 1024})).Data
	require.Equal(t, dataKey["plaintext"], open("a", dataKey["ciphertext"].(string)))

	r.write("keys/a/disable", nil)
	_, err = r.tryWrite("encrypt/a", body{"plaintext": text})
	refused(t, err, 409, "Rejected.Disabled", "request id")
	r.write("keys/a/enable", nil)

	restartKMS()
	require.Equal(t, text, open("a", ciphertext))

	r.write("keys/a/config", body{"deletion_allowed": true, "bound_context": "team=hr"})
	_, err = r.tryWrite("decrypt/a", with(bound, body{"ciphertext": ciphertext}))
	refused(t, err, 400, "bound_context")
	r.do(logical.DeleteOperation, "keys/a", body{"pending_window_in_days": "7"})
	require.Equal(t, "PendingDeletion", r.read("keys/a").Data["key_state"])
	r.write("keys/a/cancel_deletion", nil)
	require.Equal(t, "Enabled", r.read("keys/a").Data["key_state"])
}

func TestWrongConfigurationOfTheRealServiceIsExplained(t *testing.T) {
	other := httptest.NewTLSServer(nil)
	defer other.Close()
	otherCA := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Certificate().Raw}))
	for name, c := range map[string]struct {
		change map[string]any
		status int
		says   string
	}{
		"a wrong secret":           {body{"secret_key": "wrong"}, 400, "secret_key"},
		"an unknown access key":    {body{"access_key": "LTAInobody"}, 400, "access_key"},
		"an untrusted CA":          {body{"ca_cert": otherCA}, 502, "ca_cert"},
		"a closed port":            {body{"endpoint": "127.0.0.1:1"}, 502, "endpoint"},
		"a server that is not KMS": {body{"endpoint": other.Listener.Addr().String(), "ca_cert": otherCA}, 502, "KMS"},
	} {
		t.Run(name, func(t *testing.T) {
			r, _, config := newRealRig(t)
			_, err := r.tryWrite("config", with(config, c.change))
			refused(t, err, c.status, c.says)
			require.NotContains(t, err.Error(), config["secret_key"])
			require.Nil(t, r.read("config"))
		})
	}
}

func TestClockSkewIsLearned(t *testing.T) {
	r, service, config := newRealRig(t)
	service.Advance(time.Hour)
	r.write("config", config)
	r.write("keys/a", nil)
	r.encrypt("a", hello)
}

func TestRealServiceThatIsDownIsABadGateway(t *testing.T) {
	r, service, config := newRealRig(t)
	r.write("config", config)
	r.write("keys/a", nil)
	ciphertext := r.encrypt("a", hello)
	service.Stop()
	_, err := r.tryWrite("decrypt/a", body{"ciphertext": ciphertext})
	refused(t, err, 502, service.Endpoint)
	_, err = r.tryWrite("keys/b", nil)
	refused(t, err, 502)
	service.Start()
	require.Nil(t, r.read("keys/b"))
	require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": ciphertext}).Data["plaintext"])
}

func TestDeletedCMKIsGoneForGood(t *testing.T) {
	r, service, config := newRealRig(t)
	r.write("config", config)
	r.write("keys/a", nil)
	r.write("keys/a/config", body{"deletion_allowed": true})
	r.do(logical.DeleteOperation, "keys/a", body{"pending_window_in_days": "7"})
	service.Advance(8 * 24 * time.Hour)
	_, err := r.try(logical.ReadOperation, "keys/a", nil)
	refused(t, err, 404, "Forbidden.KeyNotFound")
	_, err = r.try(logical.DeleteOperation, "keys/a", nil)
	refused(t, err, 404, "Forbidden.KeyNotFound", "keys/a/deregister")
	r.write("keys/a/deregister", nil)
	require.Nil(t, r.read("keys/a"))
}

func TestProgramThatCallsKMSItselfReadsAndWritesTheSame(t *testing.T) {
	r, service, config := newRealRig(t)
	r.write("config", config)
	id := r.write("keys/a", nil).Data["key_id"].(string)
	direct, err := client.New(client.Config{
		Region: service.Region, Endpoint: service.Endpoint, CACert: service.CACert,
		Credentials: client.Static{AccessKeyID: service.AccessKeyID, AccessKeySecret: service.AccessKeySecret},
	})
	require.NoError(t, err)
	defer direct.Close()

	opened, err := direct.Decrypt(t.Context(),
		&kmsapi.DecryptRequest{CiphertextBlob: r.encrypt("a", hello)[len("vault:v1:"):]})
	require.NoError(t, err)
	require.Equal(t, hello, opened.Plaintext.Reveal())

	raw := hex.EncodeToString(bytes.Repeat([]byte{7}, 3)) + " is not base64"
	sealed, err := direct.Encrypt(t.Context(), &kmsapi.EncryptRequest{KeyId: id, Plaintext: kmsapi.NewSecret(raw)})
	require.NoError(t, err)
	resp := r.write("decrypt/a", body{"ciphertext": sealed.CiphertextBlob})
	require.Equal(t, base64.StdEncoding.EncodeToString([]byte(raw)), resp.Data["plaintext"])
	require.Len(t, resp.Warnings, 1)
}
