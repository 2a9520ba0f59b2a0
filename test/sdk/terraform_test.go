package sdk

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	util "github.com/alibabacloud-go/tea-utils/v2/service"
	"github.com/alibabacloud-go/tea/tea"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// terraform sends requests as terraform-provider-alicloud does: by RPC V1, with the operation and the signature in the
// query, and the operation's own parameters in a form. The provider's library is tea-rpc, which darabonba-openapi has
// taken over in DoRPCRequest.
type terraform struct {
	t      *testing.T
	client *openapi.Client
}

func newTerraform(t *testing.T, at *service) terraform {
	t.Helper()
	client, err := openapi.NewClient(&openapi.Config{
		AccessKeyId: tea.String(at.id), AccessKeySecret: tea.String(at.secret),
		Endpoint: tea.String(at.address), Protocol: tea.String("HTTPS"),
	})
	require.NoError(t, err)
	return terraform{t, client}
}

// post is the provider's RpcPost.
func (tf terraform) post(action kmsapi.Operation, parameters map[string]any) (map[string]any, error) {
	got, err := tf.client.DoRPCRequest(tea.String(string(action)), tea.String(kmsapi.Version), tea.String("HTTPS"),
		tea.String("POST"), tea.String("AK"), tea.String("json"), &openapi.OpenApiRequest{Body: parameters},
		&util.RuntimeOptions{})
	if err != nil {
		return nil, err
	}
	body, _ := got["body"].(map[string]any)
	return body, nil
}

func (tf terraform) mustPost(action kmsapi.Operation, parameters map[string]any) map[string]any {
	tf.t.Helper()
	answer, err := tf.post(action, parameters)
	require.NoError(tf.t, err, action)
	return answer
}

// refused requires that err is a refusal with that code, which is what the provider checks.
func (tf terraform) refused(err error, code kmsapi.Code) {
	tf.t.Helper()
	var refusal *tea.SDKError
	require.ErrorAs(tf.t, err, &refusal)
	require.Equal(tf.t, string(code), tea.StringValue(refusal.Code), tea.StringValue(refusal.Message))
}

// attributes are the attributes of the resource alicloud_kms_key that Create sends and Read reads.
var attributes = []struct {
	name string
	// parameter is CreateKey's, and field is in DescribeKey's answer; the policy is in an answer of its own.
	parameter, field string
	// computed attributes have no difference if the configuration does not set them.
	computed bool
}{
	{name: "description", parameter: "Description", field: "Description"},
	{name: "key_usage", parameter: "KeyUsage", field: "KeyUsage", computed: true},
	{name: "origin", parameter: "Origin", field: "Origin", computed: true},
	{name: "protection_level", parameter: "ProtectionLevel", field: "ProtectionLevel"},
	{name: "rotation_interval", field: "RotationInterval"},
	{name: "key_spec", parameter: "KeySpec", field: "KeySpec", computed: true},
	{name: "automatic_rotation", field: "AutomaticRotation", computed: true},
	{name: "deletion_protection", field: "DeletionProtection", computed: true},
	{name: "tags"},
	{name: "deletion_protection_description", field: "DeletionProtectionDescription"},
	{name: "policy", parameter: "Policy", computed: true},
	{name: "dkms_instance_id", parameter: "DKMSInstanceId", field: "DKMSInstanceId", computed: true},
	{name: "status", field: "KeyState", computed: true},
}

// block is what a configuration says about a resource alicloud_kms_key, or what is known of it.
type block map[string]string

// create makes the key as the provider does, and returns its id. What the configuration omits has its default.
func (tf terraform) create(planned block) (string, error) {
	request := map[string]any{"ProtectionLevel": "SOFTWARE"}
	for _, a := range attributes {
		if value := planned[a.name]; value != "" && a.parameter != "" {
			request[a.parameter] = value
		}
	}
	if planned["tags"] != "" {
		request["Tags"] = planned.tagsInJSON()
	}
	answer, err := tf.post(kmsapi.OpCreateKey, request)
	if err != nil {
		return "", err
	}
	metadata, _ := answer["KeyMetadata"].(map[string]any)
	id, _ := metadata["KeyId"].(string)
	require.NotEmpty(tf.t, id)
	tf.protect(id, block{}, planned)
	return id, nil
}

// read reads the key as the provider does for every plan and apply. It returns nil for a key that is gone.
func (tf terraform) read(id string) block {
	tf.t.Helper()
	metadata, _ := tf.mustPost(kmsapi.OpDescribeKey, map[string]any{"KeyId": id})["KeyMetadata"].(map[string]any)
	if metadata["KeyState"] == "PendingDeletion" {
		return nil
	}
	found := block{}
	for _, a := range attributes {
		found[a.name], _ = metadata[a.field].(string)
	}
	if found["dkms_instance_id"] != "" {
		found["policy"], _ = tf.mustPost(kmsapi.OpGetKeyPolicy, map[string]any{"KeyId": id})["Policy"].(string)
	}
	found["tags"] = tf.tags(id)
	return found
}

// changes returns the names of the attributes that another apply would change.
func changes(planned, found block) (names []string) {
	for _, a := range attributes {
		want := planned[a.name]
		if a.name == "protection_level" && want == "" {
			want = "SOFTWARE"
		}
		same := want == found[a.name]
		if a.name == "policy" {
			same = sameJSON(want, found[a.name])
		}
		if !same && !(a.computed && want == "") {
			names = append(names, a.name)
		}
	}
	return names
}

func sameJSON(a, b string) bool {
	var left, right any
	if errors.Join(json.Unmarshal([]byte(a), &left), json.Unmarshal([]byte(b), &right)) != nil {
		return false
	}
	x, _ := json.Marshal(left)
	y, _ := json.Marshal(right)
	return string(x) == string(y)
}

// delete deletes the key as the provider does.
func (tf terraform) delete(id string) {
	tf.t.Helper()
	tf.mustPost(kmsapi.OpScheduleKeyDeletion, map[string]any{"KeyId": id, "PendingWindowInDays": 7})
	require.Nil(tf.t, tf.read(id))
}

func TestTerraformPlansCleanAfterAnApply(t *testing.T) {
	policy := defaultPolicy(cloudAccount)
	for name, tc := range map[string]struct {
		instance string
		planned  block
		// changes are what a second apply would change.
		changes []string
	}{
		"a software instance":                     {software, block{}, nil},
		"a software instance, the default policy": {software, block{"policy": policy}, nil},
		"a software instance, all attributes": {software, block{
			"description": "salaries", "origin": "Aliyun_KMS", "key_usage": "ENCRYPT/DECRYPT",
			"protection_level": "SOFTWARE", "status": "Enabled",
		}, nil},
		"a hardware instance":                 {hardware, block{"protection_level": "HSM"}, nil},
		"an instance without Internet access": {private, block{}, nil},
		// The provider's own page warns about these: each apply makes the key again.
		"hardware with SOFTWARE": {hardware, block{}, []string{"protection_level"}},
		"software with HSM":      {software, block{"protection_level": "HSM"}, []string{"protection_level"}},
	} {
		t.Run(name, func(t *testing.T) {
			tf := newTerraform(t, cloud)
			tc.planned["dkms_instance_id"] = tc.instance
			id, err := tf.create(tc.planned)
			require.NoError(t, err)
			found := tf.read(id)
			require.Equal(t, tc.changes, changes(tc.planned, found))
			require.Equal(t, found, tf.read(id), "what is read does not change by itself")
			require.True(t, sameJSON(policy, found["policy"]), found["policy"])

			p := acs3.at(t, gateways[tc.instance])
			requireOpens(p, p, id)
			tf.delete(id)
		})
	}
}

// Each plan compares the policy with that of the configuration, its name included.
func TestTerraformPlansCleanWithAPolicyOfAKey(t *testing.T) {
	tf := newTerraform(t, cloud)
	policy := compactJSON(t, strings.Replace(defaultPolicy(cloudAccount), "kms default key policy", "Key", 1))
	id, err := tf.create(block{"dkms_instance_id": software, "policy": policy})
	require.NoError(t, err)
	require.Equal(t, policy, tf.read(id)["policy"])
	tf.delete(id)
}

// A policy that nothing enforces must not be stored as if it were enforced.
func TestTerraformFailsToApplyAPolicyThatIsNotEnforced(t *testing.T) {
	tf := newTerraform(t, cloud)
	policy := strings.Replace(defaultPolicy(cloudAccount), "Allow", "Deny", 1)
	_, err := tf.create(block{"dkms_instance_id": software, "policy": policy})
	tf.refused(err, kmsapi.ErrUnsupportedOperation.Code)

	id, err := tf.create(block{"dkms_instance_id": software})
	require.NoError(t, err)
	before := tf.read(id)
	_, err = tf.post(kmsapi.OpSetKeyPolicy, map[string]any{"KeyId": id, "Policy": policy})
	tf.refused(err, kmsapi.ErrUnsupportedOperation.Code)
	tf.mustPost(kmsapi.OpSetKeyPolicy, map[string]any{"KeyId": id, "Policy": before["policy"]})
	require.Equal(t, before, tf.read(id))
	tf.delete(id)
}

// The data source alicloud_kms_instances reads the same answer.
func TestTerraformReadsAnInstance(t *testing.T) {
	tf := newTerraform(t, cloud)
	answer := tf.mustPost(kmsapi.OpGetKmsInstance, map[string]any{"KmsInstanceId": hardware})
	details, _ := answer["KmsInstance"].(map[string]any)
	require.Equal(t, hardware, details["InstanceId"])
	require.Equal(t, "Connected", details["Status"])
	require.Equal(t, cloudCA.CA(), details["CaCertificateChainPem"])
	_, err := tf.create(block{"dkms_instance_id": "kst-none"})
	tf.refused(err, kmsapi.ErrInstanceNotFound.Code)
}
