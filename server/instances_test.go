package server_test

import (
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// withInstances starts a service with more KMS instances in addition to kst-dev.
func withInstances(t *testing.T, more ...server.Instance) *wire {
	return configured(t, func(c *server.Config) {
		for _, i := range more {
			require.NoError(t, kmstest.AddInstance(c, i))
		}
	})
}

// in returns w for another test.
func (w *wire) in(t *testing.T) *wire {
	other := *w
	other.t = t
	return &other
}

// protobuf posts parameters to a gateway that answers in protobuf instead of JSON.
func (w *wire) protobuf(params kmsapi.Params) (status int, contentType, body string) {
	w.t.Helper()
	resp, err := w.http.Post("https://"+w.endpoint+"/", "application/x-www-form-urlencoded",
		strings.NewReader(params.Form()))
	require.NoError(w.t, err)
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(content)
}

// setInstance changes the KMS instance kst-dev, without a restart.
func (w *wire) setInstance(change func(*server.Instance)) {
	w.t.Helper()
	require.NoError(w.t, w.kms.Reload(func(c *server.Config) { change(&c.Instances[0]) }))
}

// at returns w for the dedicated gateway of a KMS instance.
func (w *wire) at(i kmstest.Instance) *wire {
	other := *w
	other.endpoint, other.http = i.Endpoint, trusting(w.t, i.CACert)
	return &other
}

// dedicated returns w for the dedicated gateway of kst-dev.
func (w *wire) dedicated() *wire { return w.at(w.kms.Instance) }

// createIn makes a CMK in kst-dev.
func (w *wire) createIn(pairs ...string) string {
	w.t.Helper()
	return w.createKey(append([]string{"DKMSInstanceId", w.kms.Instance.ID}, pairs...)...)
}

func off(i *server.Instance) { i.InternetAccess = new(bool) }

func TestAKeyOfAnInstance(t *testing.T) {
	w := newWire(t)
	made := w.must("CreateKey", "DKMSInstanceId", "kst-dev", "ProtectionLevel", "HSM").KeyMetadata
	require.Regexp(t, "^key-dev[a-z0-9]{18}$", made.KeyId)
	require.Regexp(t, "^"+made.KeyId+"-[a-z0-9]{10}$", made.PrimaryKeyVersion)
	require.Len(t, made.PrimaryKeyVersion, 36)
	require.Equal(t, "kst-dev", made.DKMSInstanceId)
	require.Equal(t, kmsapi.ProtectionSoftware, made.ProtectionLevel, "the instance decides")
	w.must("CreateAlias", "KeyId", made.KeyId, "AliasName", "alias/here")

	blobs := map[string]*wire{}
	for _, gateway := range []*wire{w, w.dedicated()} {
		for _, name := range []string{made.KeyId, "alias/here", "acs:kms:cn-hangzhou:123456:key/" + made.KeyId} {
			sealed := gateway.must("Encrypt", "KeyId", name, "Plaintext", "eA==")
			require.Equal(t, made.KeyId, sealed.KeyId)
			raw, err := base64.StdEncoding.DecodeString(sealed.CiphertextBlob)
			require.NoError(t, err)
			require.Equal(t, made.PrimaryKeyVersion, string(raw[:36]))
			blobs[sealed.CiphertextBlob] = gateway
		}
	}
	w.kms.Restart()
	for blob := range blobs {
		for _, gateway := range []*wire{w, w.dedicated()} {
			opened := gateway.must("Decrypt", "CiphertextBlob", blob)
			require.Equal(t, "eA==", opened.Plaintext, "any gateway opens it")
			require.Equal(t, made.KeyId, opened.KeyId)
		}
	}
	require.Equal(t, made, w.must("DescribeKey", "KeyId", made.KeyId).KeyMetadata)
	w.kms.Stop()
	report, err := server.Check(t.Context(), w.kms.Config(), "", nil)
	require.NoError(t, err)
	require.Empty(t, report.Problems)
}

func TestEveryOperationOnEveryGateway(t *testing.T) {
	w := withInstances(t, server.Instance{ID: "kst-other", Kind: server.KindHardware})
	elsewhere := w.createKey()
	gateways := map[string]*wire{
		"": w, "kst-dev": w.dedicated(), "kst-other": w.at(w.kms.InstanceCalled("kst-other")),
	}
	for _, op := range server.Operations() {
		for id, gateway := range gateways {
			for _, owner := range []string{"kst-dev", "kst-other", ""} {
				t.Run(string(op)+" at the gateway "+id+" with a key of "+owner, func(t *testing.T) {
					w, gateway := w.in(t), gateway.in(t)
					state := kmsapi.Enabled
					if op == kmsapi.OpCancelKeyDeletion {
						state = kmsapi.PendingDeletion
					}
					s := w.subject(op, state, elsewhere, "DKMSInstanceId", owner)
					got := gateway.do(string(op), s.parameters(op)...)
					switch {
					case id != "" && op.Plane() != kmsapi.DataPlane:
						got.refused(t, kmsapi.ErrInvalidAPIName)
						require.Equal(t, `The ApiName "`+string(op)+`" is invalid.`, got.Message)
					case op == kmsapi.OpRotateSecret:
						got.refused(t, kmsapi.ErrRejectedUnsupportedOperation)
					case id != "" && id != owner && op == kmsapi.OpGetSecretValue:
						got.refused(t, kmsapi.ErrResourceNotFound)
					case id != "" && id != owner:
						got.refused(t, kmsapi.ErrKeyNotFound)
					case isOnPolicy(op) && owner == "":
						got.refused(t, kmsapi.ErrResourceNotFound)
					default:
						require.Equal(t, http.StatusOK, got.status, "%s", got.body)
					}
				})
			}
		}
	}
	gateways["kst-dev"].do("ReEncrypt").refused(t, kmsapi.ErrInvalidAPIName)
}

func TestInternetAccessOfAnInstance(t *testing.T) {
	w := withInstances(t, server.Instance{ID: "kst-other"})
	inside, other, outside := w.createIn(), w.createKey("DKMSInstanceId", "kst-other"), w.createKey()
	blob := w.must("Encrypt", "KeyId", inside, "Plaintext", "eA==").CiphertextBlob
	w.setInstance(off)
	for _, got := range []answer{
		w.do("Encrypt", "KeyId", inside, "Plaintext", "eA=="), w.do("Decrypt", "CiphertextBlob", blob),
		w.do("GenerateDataKey", "KeyId", inside),
	} {
		got.refused(t, kmsapi.ErrUnsupportedOperation)
		require.Equal(t, "This action is not supported.", got.Message)
	}
	require.Equal(t, "eA==", w.dedicated().must("Decrypt", "CiphertextBlob", blob).Plaintext)
	w.must("DescribeKey", "KeyId", inside)
	w.must("DisableKey", "KeyId", inside)
	w.must("GenerateDataKey", "KeyId", other)
	w.must("GenerateDataKey", "KeyId", outside)
}

func TestAnInstanceThatIsNotConnected(t *testing.T) {
	w := newWire(t)
	inside := w.createIn()
	w.setInstance(func(i *server.Instance) { i.Status = "Disconnected" })
	for _, gateway := range []*wire{w, w.dedicated()} {
		gateway.do("GenerateDataKey", "KeyId", inside).refused(t, kmsapi.ErrRejectedUnavailable)
	}
	w.do("CreateKey", "DKMSInstanceId", "kst-dev").refused(t, kmsapi.ErrInstanceStateInvalid)
	require.Equal(t, kmsapi.InstanceDisconnected,
		w.must("GetKmsInstance", "KmsInstanceId", "kst-dev").KmsInstance.Status)
}

func TestAnImageThatIsTooOld(t *testing.T) {
	w := withInstances(t, server.Instance{ID: "kst-old", Image: "2.3.1"})
	inside := w.createKey("DKMSInstanceId", "kst-old")
	old := w.at(w.kms.InstanceCalled("kst-old"))
	for _, action := range []string{"Encrypt", "CreateKey", "MakeCoffee"} {
		status, contentType, body := old.protobuf(old.signed(http.MethodPost, action, "KeyId", inside))
		require.Equal(t, http.StatusBadRequest, status)
		require.Equal(t, "application/x-protobuf", contentType)
		require.Equal(t, "\x08\x90\x03\x12\x10MissingParameter\x1a\x43"+
			"Parameter x-kms-acccesskeyid does not exist in http header or body."+"\x22\x24", body[:len(body)-36])
	}
	w.must("Encrypt", "KeyId", inside, "Plaintext", "eA==")
	w.do("CreateKey", "DKMSInstanceId", "kst-old", "Origin", "EXTERNAL").refused(t, kmsapi.ErrUnsupportedOperation)
}

func TestKindsOfInstances(t *testing.T) {
	w := withInstances(t, server.Instance{ID: "kst-hard", Kind: server.KindHardware, Image: "2.0.0"})
	made := w.must("CreateKey", "DKMSInstanceId", "kst-hard", "ProtectionLevel", "SOFTWARE").KeyMetadata
	require.Equal(t, kmsapi.ProtectionHSM, made.ProtectionLevel)
	for _, instance := range []string{"kst-hard", "kst-dev"} {
		id := w.createKey("DKMSInstanceId", instance, "Origin", "EXTERNAL")
		w.must("ImportKeyMaterial", w.wrapMaterial(id, make([]byte, kmsapi.KeyMaterialSize))...)
		w.must("GenerateDataKey", "KeyId", id)
	}
}

func TestWhatIsKnownOfInstances(t *testing.T) {
	w := withInstances(t, server.Instance{ID: "kst-abc", Spec: 2000}, server.Instance{ID: "kst-xyz", Default: true})
	got := w.must("GetKmsInstance", "KmsInstanceId", "kst-abc").KmsInstance
	require.Equal(t, "kst-abc", got.InstanceId)
	require.Equal(t, kmsapi.InstanceConnected, got.Status)
	require.Equal(t, 2000, got.Spec)
	require.Equal(t, strings.Count(got.CaCertificateChainPem, "\n"), strings.Count(got.CaCertificateChainPem, "\r\n"))
	certificates := 0
	for rest := []byte(got.CaCertificateChainPem); ; certificates++ {
		block, more := pem.Decode(rest)
		if block == nil {
			break
		}
		rest = more
	}
	require.Equal(t, 2, certificates, "a root and the CA of the region")

	page := w.must("ListKmsInstances", "PageNumber", "2", "PageSize", "2")
	require.Equal(t, []kmsapi.InstanceEntry{{
		KmsInstanceId: "kst-xyz", KmsInstanceArn: "acs:kms:cn-hangzhou:123456:keystore/kst-xyz",
	}}, page.KmsInstances.KmsInstance)
	require.Equal(t, 3, page.TotalCount)
	require.Empty(t, w.must("ListKmsInstances", "PageNumber", "1000000000").KmsInstances.KmsInstance)

	require.Equal(t, "kst-xyz", w.must("GetDefaultKmsInstance").DefaultKmsInstanceId)
	require.Equal(t, "kst-xyz", w.must("CreateKey").KeyMetadata.DKMSInstanceId, "where an account has been migrated")
	require.Equal(t, "kst-dev", w.must("DescribeKey", "KeyId", w.createIn()).KeyMetadata.DKMSInstanceId)
	require.Empty(t, newWire(t).must("GetDefaultKmsInstance").DefaultKmsInstanceId)
}

func TestStrictDefaultKeys(t *testing.T) {
	w := configured(t, func(c *server.Config) { c.StrictDefaultKeys = true })
	w.do("CreateKey", "Policy", defaultPolicy("123456")).refused(t, kmsapi.ErrInvalidParameter)
	key := w.createKey("Description", "the account's own")
	require.Equal(t, kmsapi.KeySpecAES256, w.must("DescribeKey", "KeyId", key).KeyMetadata.KeySpec)
	w.do("CreateKey").refused(t, kmsapi.ErrLimitExceeded)
	w.must("CreateKey", "RegionId", "cn-beijing")
	w.do("Encrypt", "KeyId", key, "Plaintext", "eA==").refused(t, kmsapi.ErrUnsupportedOperation)
	w.do("GenerateDataKey", "KeyId", key).refused(t, kmsapi.ErrUnsupportedOperation)
	w.do("GetKeyPolicy", "KeyId", key).refused(t, kmsapi.ErrResourceNotFound)

	inside := w.createIn()
	blob := w.must("Encrypt", "KeyId", inside, "Plaintext", "eA==").CiphertextBlob
	require.Equal(t, "eA==", w.dedicated().must("Decrypt", "CiphertextBlob", blob).Plaintext)

	w.must("ScheduleKeyDeletion", "KeyId", key, "PendingWindowInDays", "7")
	w.do("CreateKey").refused(t, kmsapi.ErrLimitExceeded)
	w.kms.Advance(8 * 24 * time.Hour)
	next := w.createKey()
	require.NoError(t, w.kms.Sweep())
	w.do("CreateKey").refused(t, kmsapi.ErrLimitExceeded)
	w.do("GenerateDataKey", "KeyId", next).refused(t, kmsapi.ErrUnsupportedOperation)
	w.kms.Stop()
	report, err := server.Check(t.Context(), w.kms.Config(), "", nil)
	require.NoError(t, err)
	require.Empty(t, report.Problems)
}

func TestStrictDefaultKeysOfAnAccountWithADefaultInstance(t *testing.T) {
	w := configured(t, func(c *server.Config) { c.StrictDefaultKeys, c.Instances[0].Default = true, true })
	for range 2 {
		made := w.must("CreateKey").KeyMetadata
		require.Equal(t, "kst-dev", made.DKMSInstanceId)
		w.must("GenerateDataKey", "KeyId", made.KeyId)
	}
}
