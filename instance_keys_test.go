package alicloudkms

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// An instances answers operations about KMS instances in place of the watched KMS.
type instances struct {
	r *rig
	// of has the instance of each CMK.
	of map[string]string
	// asked is the last CreateKey.
	asked kmsapi.CreateKeyRequest
}

// newInstanceRig makes an engine that uses the dedicated gateway of ourInstance, with the keys called names in it.
func newInstanceRig(t *testing.T, names ...string) (*rig, *instances) {
	t.Helper()
	r := newRig(t)
	i := &instances{r: r, of: map[string]string{}}
	r.kms.instead = i.answer
	r.write("config", dedicatedConfig(body{"instance_ca_cert": newCA(t)}))
	for _, name := range names {
		r.write("keys/"+name, nil)
	}
	return r, i
}

func (i *instances) answer(q kmsapi.Request) (kmsapi.Response, error) {
	switch q := q.(type) {
	case *kmsapi.CreateKeyRequest:
		return i.create(*q)
	case *kmsapi.DescribeKeyRequest:
		return i.describe(q)
	default:
		return nil, nil
	}
}

// create makes the CMK, whatever instance is requested.
func (i *instances) create(asked kmsapi.CreateKeyRequest) (kmsapi.Response, error) {
	i.asked = asked
	asked.DKMSInstanceId = ""
	direct, err := i.r.kms.direct("cn-hangzhou")
	require.NoError(i.r.t, err)
	defer direct.Close()
	made, err := direct.CreateKey(i.r.t.Context(), &asked)
	if err != nil {
		return nil, err
	}
	i.of[made.KeyMetadata.KeyId] = i.asked.DKMSInstanceId
	made.KeyMetadata.DKMSInstanceId = i.asked.DKMSInstanceId
	return made, nil
}

func (i *instances) describe(q *kmsapi.DescribeKeyRequest) (kmsapi.Response, error) {
	direct, err := i.r.kms.direct("cn-hangzhou")
	require.NoError(i.r.t, err)
	defer direct.Close()
	found, err := direct.DescribeKey(i.r.t.Context(), q)
	if err != nil {
		return nil, err
	}
	found.KeyMetadata.DKMSInstanceId = i.of[found.KeyMetadata.KeyId]
	return found, nil
}

// instanceOf returns the KMS instance in the stored entry of a key.
func (r *rig) instanceOf(name string) string {
	r.t.Helper()
	entry, err := loadKey(r.t.Context(), r.storage, name)
	require.NoError(r.t, err)
	return entry.Instance
}

func TestUseOfAnInstanceKeyGoesToTheDedicatedGateway(t *testing.T) {
	r, _ := newInstanceRig(t, "a")
	ciphertext := r.encrypt("a", hello)
	batch := body{"batch_input": []any{body{"ciphertext": ciphertext}}}
	for _, c := range []struct {
		path string
		data map[string]any
		ops  []kmsapi.Operation
	}{
		{"encrypt/a", body{"plaintext": hello}, []kmsapi.Operation{kmsapi.OpEncrypt}},
		{"decrypt/a", body{"ciphertext": ciphertext}, []kmsapi.Operation{kmsapi.OpDecrypt}},
		{"decrypt/a", batch, []kmsapi.Operation{kmsapi.OpDecrypt}},
		{"rewrap/a", body{"ciphertext": ciphertext}, []kmsapi.Operation{kmsapi.OpDecrypt, kmsapi.OpEncrypt}},
		{"rewrap/a", batch, []kmsapi.Operation{kmsapi.OpDecrypt, kmsapi.OpEncrypt}},
		{"datakey/plaintext/a", nil, []kmsapi.Operation{kmsapi.OpGenerateDataKey}},
		{"datakey/wrapped/a", nil, []kmsapi.Operation{kmsapi.OpGenerateDataKeyWithoutPlaintext}},
	} {
		clear(r.kms.at)
		r.write(c.path, c.data)
		want := map[kmsapi.Operation]string{}
		for _, op := range c.ops {
			want[op] = dedicatedHost
		}
		require.Equal(t, want, r.kms.at, c.path)
	}
}

func TestManagementOfAnInstanceKeyGoesToTheSharedGateway(t *testing.T) {
	r, _ := newInstanceRig(t, "a")
	clear(r.kms.at)
	r.write("keys/b", body{"tags": "team=hr"})
	r.read("keys/a")
	r.write("keys/a/tags", body{"tags": "team=hr"})
	r.remove("keys/a/tags", nil)
	r.write("keys/a/disable", nil)
	r.write("keys/a/enable", nil)
	r.write("aliases/payroll", body{"key": "a"})
	r.list("aliases", body{"key": "a"})
	r.remove("aliases/payroll", nil)
	r.write("keys/a/config", body{"deletion_allowed": true})
	r.remove("keys/a", nil)
	r.write("keys/a/cancel_deletion", nil)
	require.Greater(t, len(r.kms.at), 9)
	for op, host := range r.kms.at {
		require.Equal(t, sharedHost, host, op)
	}
}

func TestKeyOfAnotherInstanceIsUsedOverTheSharedGateway(t *testing.T) {
	r, _ := newInstanceRig(t, "a")
	made := r.write("keys/b", body{"instance_id": otherInstance}).Data
	require.Equal(t, otherInstance, made["kms_instance_id"])
	require.Equal(t, otherInstance, r.read("keys/b").Data["kms_instance_id"])
	require.Equal(t, hello, r.write("decrypt/b", body{"ciphertext": r.encrypt("b", hello)}).Data["plaintext"])
	require.Equal(t, sharedHost, r.kms.at[kmsapi.OpDecrypt])
	_, err := r.tryWrite("decrypt/a", body{"ciphertext": r.encrypt("b", hello)})
	refused(t, err, 403)
}

func TestInstanceDecidesTheProtectionLevel(t *testing.T) {
	r, i := newInstanceRig(t)
	resp := r.write("keys/a", body{"protection_level": "HSM"})
	require.Empty(t, i.asked.ProtectionLevel)
	require.Equal(t, ourInstance, i.asked.DKMSInstanceId)
	require.Equal(t, "SOFTWARE", resp.Data["protection_level"])
	require.Contains(t, resp.Warnings[0], "protection_level was ignored")
	require.Empty(t, r.write("keys/b", body{"protection_level": "SOFTWARE"}).Warnings)

	r.write("config", body{"gateway": "shared", "kms_instance_id": "", "secret_key": "good-secret"})
	r.write("keys/c", body{"protection_level": "HSM"})
	require.Equal(t, kmsapi.ProtectionHSM, i.asked.ProtectionLevel, "a key of no instance")
}

func TestBadInstanceOfAKeyIsRefused(t *testing.T) {
	r := newKeyRig(t)
	for _, path := range []string{"keys/a"} {
		_, err := r.tryWrite(path, body{"instance_id": "kst/../x"})
		refused(t, err, 400, "instance_id")
	}
	require.Zero(t, r.kms.count(kmsapi.OpCreateKey))
}

// In an account that was migrated, KMS chooses the instance.
func TestAnswerOfKMSDecidesTheInstance(t *testing.T) {
	r, i := newInstanceRig(t)
	r.kms.instead = func(q kmsapi.Request) (kmsapi.Response, error) {
		asked, ok := q.(*kmsapi.CreateKeyRequest)
		if ok && asked.DKMSInstanceId == "" {
			chosen := *asked
			chosen.DKMSInstanceId = otherInstance
			return i.create(chosen)
		}
		return i.answer(q)
	}
	r.write("config", body{"gateway": "shared", "kms_instance_id": "", "secret_key": "good-secret"})
	require.Equal(t, otherInstance, r.write("keys/a", nil).Data["kms_instance_id"])
	require.Equal(t, otherInstance, r.instanceOf("a"))
}

func TestReadLearnsThatAKeyWasMovedToAnInstance(t *testing.T) {
	r, i := newInstanceRig(t, "a")
	i.of[r.keyID("a")] = ""
	require.Empty(t, r.read("keys/a").Data["kms_instance_id"])
	r.encrypt("a", hello)
	require.Equal(t, sharedHost, r.kms.at[kmsapi.OpEncrypt])

	i.of[r.keyID("a")] = ourInstance
	r.become(func(*logical.StaticSystemView) {})
	require.Equal(t, ourInstance, r.read("keys/a").Data["kms_instance_id"])
	require.Equal(t, ourInstance, r.instanceOf("a"))
	r.encrypt("a", hello)
	require.Equal(t, dedicatedHost, r.kms.at[kmsapi.OpEncrypt])
}

func TestReadIsAnsweredEvenIfTheInstanceCantBeStored(t *testing.T) {
	r, i := newInstanceRig(t, "a")
	i.of[r.keyID("a")] = otherInstance
	r.storage.reset("put", -1)
	require.Equal(t, otherInstance, r.read("keys/a").Data["kms_instance_id"])
	require.Contains(t, r.log.String(), "was not stored")
}

func TestRegisteredKeyKnowsItsInstance(t *testing.T) {
	r, i := newInstanceRig(t)
	id := r.newCMK()
	i.of[id] = ourInstance
	resp := r.write("keys/a/register", body{"key_id": id})
	require.Equal(t, ourInstance, resp.Data["kms_instance_id"])
	r.encrypt("a", hello)
	require.Equal(t, dedicatedHost, r.kms.at[kmsapi.OpEncrypt])
	info := r.list("cmks", nil).Data["key_info"].(map[string]any)
	require.Equal(t, ourInstance, info[id].(map[string]any)["kms_instance_id"])
}

func TestInterruptedCreationKeepsItsInstance(t *testing.T) {
	r, i := newInstanceRig(t)
	r.storage.reset("put", 2) // The first write is the write-ahead log's.
	_, err := r.tryWrite("keys/a", nil)
	refused(t, err, 500)
	r.storage.reset("", 0)
	require.Equal(t, ourInstance, r.write("keys/a", nil).Data["kms_instance_id"])
	require.Len(t, i.of, 1)
}

// KMS finds a CMK of another account only by its ARN.
func TestKeyOfAnotherAccountIsNamedByItsARN(t *testing.T) {
	const arn = "acs:kms:cn-hangzhou:2000000000000002:key/key-hzz62f1cb66fa42qo0001"
	r, _ := newInstanceRig(t)
	named, theirs := map[kmsapi.Operation]string{}, "key-hzz62f1cb66fa42qo0001"
	blob := "QUJD"
	r.kms.instead = func(q kmsapi.Request) (kmsapi.Response, error) {
		switch q := q.(type) {
		case *kmsapi.DescribeKeyRequest:
			named[q.Operation()] = q.KeyId
			return &kmsapi.DescribeKeyResponse{KeyMetadata: kmsapi.KeyMetadata{
				KeyId: theirs, Arn: arn, DKMSInstanceId: ourInstance,
				KeyUsage: kmsapi.KeyUsageEncryptDecrypt, KeyState: kmsapi.Enabled,
			}}, nil
		case *kmsapi.ListResourceTagsRequest:
			named[q.Operation()] = q.KeyId
			return &kmsapi.ListResourceTagsResponse{}, nil
		case *kmsapi.EncryptRequest:
			named[q.Operation()] = q.KeyId
			return &kmsapi.EncryptResponse{KeyId: theirs, CiphertextBlob: blob}, nil
		case *kmsapi.DecryptRequest:
			return &kmsapi.DecryptResponse{KeyId: theirs, Plaintext: kmsapi.NewSecret(hello)}, nil
		default:
			return nil, nil
		}
	}
	resp := r.write("keys/a/register", body{"key_id": arn})
	require.Equal(t, theirs, resp.Data["key_id"])
	require.Equal(t, arn, resp.Data["arn"])
	require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": r.encrypt("a", hello)}).Data["plaintext"])
	r.read("keys/a")
	for op, name := range named {
		require.Equal(t, arn, name, op)
	}
	require.Equal(t, 3, len(named))
}

func TestDataPlaneGoesOnWithoutTheSharedGateway(t *testing.T) {
	r, _ := newInstanceRig(t, "a")
	ciphertext := r.encrypt("a", hello)
	r.kms.before = func(_ context.Context, q kmsapi.Request) error {
		if q.Operation().Plane() == kmsapi.ControlPlane {
			return viaGateway(q.Operation(), sharedHost, errors.New("connection refused"))
		}
		return nil
	}
	require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": ciphertext}).Data["plaintext"])
	_, err := r.try(logical.ReadOperation, "keys/a", nil)
	refused(t, err, 502, "the shared gateway", "use only the dedicated gateway")
	health := r.read("health").Data
	gateways := health["gateways"].(map[string]any)
	require.Equal(t, false, health["healthy"])
	require.Equal(t, sharedHost, health["endpoint"])
	require.Equal(t, false, gateways["shared"].(map[string]any)["healthy"])
	require.Equal(t, true, gateways["dedicated"].(map[string]any)["healthy"])
	require.Equal(t, dedicatedHost, gateways["dedicated"].(map[string]any)["endpoint"])
}

func TestHealthShowsTheDedicatedGatewayIfThatFails(t *testing.T) {
	r, _ := newInstanceRig(t)
	r.fails(kmsapi.OpDecrypt, viaGateway(kmsapi.OpDecrypt, dedicatedHost, errors.New("connection refused")))
	health := r.read("health").Data
	require.Equal(t, false, health["healthy"])
	require.Equal(t, false, health["kms_reachable"])
	require.Equal(t, dedicatedHost, health["endpoint"])
	require.Contains(t, health["error"], "the dedicated gateway")
	require.Equal(t, true, health["gateways"].(map[string]any)["shared"].(map[string]any)["healthy"])
}

func TestGatewaysHaveTheirOwnLimits(t *testing.T) {
	r, _ := newInstanceRig(t, "a")
	r.write("config", body{"max_parallel": 1})
	waiting, goOn := make(chan struct{}), make(chan struct{})
	r.kms.before = func(_ context.Context, q kmsapi.Request) error {
		if q.Operation() == kmsapi.OpDescribeKey {
			close(waiting)
			<-goOn
		}
		return nil
	}
	done := make(chan error)
	go func() {
		_, err := r.try(logical.ReadOperation, "keys/a", nil)
		done <- err
	}()
	<-waiting
	r.encrypt("a", hello)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := r.tryIn(ctx, logical.ReadOperation, "regions", nil)
	refused(t, err, 504)
	close(goOn)
	require.NoError(t, <-done)
}

func TestAdviceDependsOnGatewayAndInstance(t *testing.T) {
	none := with(goodConfig(), nil)
	shared := with(goodConfig(), body{"kms_instance_id": ourInstance})
	for name, c := range map[string]struct {
		config map[string]any
		op     kmsapi.Operation
		path   string
		answer error
		says   []string
		silent string
	}{
		"Internet access that is off": {
			shared, kmsapi.OpEncrypt, "encrypt/a", kmsapi.ErrUnsupportedOperation,
			[]string{"Internet access of its KMS instance is off", "vault write kms/config gateway=dedicated"},
			"default key",
		},
		"a default key": {
			none, kmsapi.OpEncrypt, "encrypt/a", kmsapi.ErrUnsupportedOperation,
			[]string{"default key", "vault write kms/config kms_instance_id"},
			"gateway=dedicated",
		},
		"a key of the wrong type over the dedicated gateway": {
			dedicatedConfig(nil), kmsapi.OpEncrypt, "encrypt/a", kmsapi.ErrUnsupportedOperation,
			[]string{"type of the KMS key"},
			"Internet",
		},
		"a second default key": {
			none, kmsapi.OpCreateKey, "keys/b", kmsapi.ErrLimitExceeded,
			[]string{"single default key", "vault write kms/config kms_instance_id", "instance_id"},
			"quota",
		},
		"an instance that is full": {
			shared, kmsapi.OpCreateKey, "keys/b", kmsapi.ErrLimitExceeded, []string{"quota"}, "default key",
		},
		"an instance that makes no such keys": {
			shared, kmsapi.OpCreateKey, "keys/b", kmsapi.ErrUnsupportedOperation, []string{"EXTERNAL"}, "default key",
		},
		"an instance that does not exist": {
			shared, kmsapi.OpCreateKey, "keys/b", kmsapi.ErrInstanceNotFound,
			[]string{"kms_instance_id", "instance_id"},
			"alias",
		},
		"an instance that is not enabled yet": {
			shared, kmsapi.OpCreateKey, "keys/b", kmsapi.ErrInstanceStateInvalid, []string{"Connected"}, "KMS key anyway",
		},
		"an image that is too old": {
			dedicatedConfig(nil), kmsapi.OpEncrypt, "encrypt/a", viaGateway(kmsapi.OpEncrypt, dedicatedHost, client.ErrOldImage),
			[]string{"older than 3.0.0", "gateway=shared"},
			"ca_cert",
		},
		"a shared endpoint whose image is too old": {
			none, kmsapi.OpCreateKey, "keys/b", viaGateway(kmsapi.OpCreateKey, sharedHost, client.ErrOldImage),
			[]string{"older than 3.0.0", "Leave endpoint empty"},
			"KMS key anyway",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := newInstanceRig(t)
			config := maps.Clone(c.config)
			if config["gateway"] == nil {
				r.do(logical.DeleteOperation, "config", nil)
			} else {
				config["instance_ca_cert"] = newCA(t)
			}
			r.write("config", config)
			r.write("keys/a", nil)
			r.fails(c.op, c.answer)
			_, err := r.tryWrite(c.path, map[string]map[string]any{"encrypt/a": {"plaintext": hello}}[c.path])
			require.Error(t, err)
			for _, part := range c.says {
				require.ErrorContains(t, err, part)
			}
			require.NotContains(t, err.Error(), c.silent)
		})
	}
}
