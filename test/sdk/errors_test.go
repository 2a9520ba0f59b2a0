package sdk

import (
	"net/http"
	"strings"
	"testing"

	kmsv3 "github.com/alibabacloud-go/kms-20160120/v3/client"
	"github.com/alibabacloud-go/tea/tea"
	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/kms"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

func TestRefusalsHaveTheirCode(t *testing.T) {
	everyDialect(t, func(p player) {
		disabled, doomed := p.newKey(kmsapi.CreateKeyRequest{}).KeyId, p.newKey(kmsapi.CreateKeyRequest{}).KeyId
		blob, enabled := p.encrypt(disabled, "text", nil).CiphertextBlob, p.newKey(kmsapi.CreateKeyRequest{}).KeyId
		good := p.encrypt(enabled, "text", nil).CiphertextBlob
		disable, unknown := &kmsapi.DisableKeyRequest{}, &kmsapi.DescribeKeyRequest{}
		disable.KeyId, unknown.KeyId = disabled, uuid.NewString()
		p.must(disable)
		p.must(&kmsapi.ScheduleKeyDeletionRequest{KeyId: doomed, PendingWindowInDays: 7})
		for name, tc := range map[string]struct {
			want    *kmsapi.Error
			request kmsapi.Request
		}{
			"a key that does not exist": {kmsapi.ErrKeyNotFound, unknown},
			"a disabled key": {
				kmsapi.ErrRejectedDisabled,
				&kmsapi.EncryptRequest{KeyId: disabled, Plaintext: kmsapi.NewSecret("text")},
			},
			"a ciphertext of a disabled key": {kmsapi.ErrRejectedDisabled, &kmsapi.DecryptRequest{CiphertextBlob: blob}},
			"a key pending deletion": {
				kmsapi.ErrRejectedPendingDeletion,
				&kmsapi.GenerateDataKeyRequest{KeyId: doomed},
			},
			"a second deletion": {
				kmsapi.ErrStateModifiedFailed,
				&kmsapi.ScheduleKeyDeletionRequest{KeyId: doomed, PendingWindowInDays: 7},
			},
			"a missing parameter": {
				kmsapi.ErrMissingParameter.WithMessage("KeyId"),
				&kmsapi.EncryptRequest{Plaintext: kmsapi.NewSecret("text")},
			},
			"a number out of bounds": {
				kmsapi.ErrInvalidParameter.WithMessage("PageSize"),
				&kmsapi.ListKeysRequest{PageSize: kmsapi.MaxPageSize + 1},
			},
			"an unknown value": {
				kmsapi.ErrInvalidParameter.WithMessage("Origin"),
				&kmsapi.CreateKeyRequest{Origin: "aliyun_kms"},
			},
			"not a ciphertext": {
				kmsapi.ErrInvalidParameter.WithMessage("CiphertextBlob"),
				&kmsapi.DecryptRequest{CiphertextBlob: "bm9uZQ=="},
			},
			"a ciphertext that was extended": {
				kmsapi.ErrInvalidParameter.WithMessage("CiphertextBlob"),
				&kmsapi.DecryptRequest{CiphertextBlob: good + "AAAA"},
			},
			"a ciphertext of an unknown key": {
				kmsapi.ErrKeyNotFound,
				&kmsapi.DecryptRequest{CiphertextBlob: ofUnknownVersion(p, good)},
			},
		} {
			p.run(name, func(p player) { p.refused(tc.want, tc.request) })
		}
	})
}

func TestInvalidAccessKeysAreRefused(t *testing.T) {
	request := &kmsapi.DescribeRegionsRequest{}
	everyDialect(t, func(p player) {
		p.run("the wrong secret", func(p player) {
			refusedTo(p, p.dial(p.T, dev, access{id: dev.id, secret: "another secret"}), kmsapi.ErrIncompleteSignature, request)
		})
		p.run("an unknown id", func(p player) {
			refusedTo(p, p.dial(p.T, dev, access{id: "LTAIunknown", secret: dev.secret}), kmsapi.ErrAccessKeyNotFound, request)
		})
		p.run("an inactive access key", func(p player) {
			refusedTo(p, p.dial(p.T, plain, inactive), kmsapi.ErrAccessKeyInactive, request)
		})
		p.run("a temporary access key with another token", func(p player) {
			other := temporary
			other.token = "another token"
			refusedTo(p, p.dial(p.T, plain, other), wrongToken, request)
		})
	})
}

// wrongToken is the gateway's error; the reference has none.
var wrongToken = &kmsapi.Error{Code: "InvalidSecurityToken.MismatchWithAccessKey", HTTPStatus: http.StatusBadRequest}

func TestTemporaryAccessKeysWork(t *testing.T) {
	everyDialect(t, func(p player) {
		p.caller = p.dial(p.T, plain, temporary)
		key := p.newKey(kmsapi.CreateKeyRequest{}).KeyId
		context := kmsapi.EncryptionContext{"部门": "财务"}
		require.Equal(p, "text", p.decrypt(p.encrypt(key, "text", context).CiphertextBlob, context).Plaintext.Reveal())
	})
}

func TestRestrictedAccessKeysDoWhatTheyMayAndNoMore(t *testing.T) {
	everyDialect(t, func(p player) {
		p.caller = p.dial(p.T, plain, plain.access)
		key := p.newKey(kmsapi.CreateKeyRequest{}).KeyId
		p.caller = p.dial(p.T, plain, writer)
		blob := p.encrypt(key, "text", nil).CiphertextBlob
		p.refused(noPermission, &kmsapi.DecryptRequest{CiphertextBlob: blob})
		p.refused(noPermission, &kmsapi.CreateKeyRequest{})
	})
}

var noPermission = kmsapi.ErrNoPermission.WithMessage("is forbidden by permission system")

// The old SDK compares its own string to sign with the one in the refusal. Only if they are identical, it reports that
// the secret is wrong; otherwise it asks the user to report a bug.
func TestWrongSecretsAreDistinguishedFromDamagedRequests(t *testing.T) {
	for name, at := range map[string]*service{"TLS": dev, "plain HTTP": plain} {
		t.Run(name, func(t *testing.T) {
			client := newV1(t, at, access{id: at.id, secret: "another secret"}, kmsapi.DefaultRegion)
			request := kms.CreateEncryptRequest()
			request.KeyId, request.Plaintext, request.EncryptionContext = "a key", "+/*~ ' 密", `{"部门":"=&+"}`
			_, err := client.Encrypt(request)
			var refusal *sdkerrors.ServerError
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, "IncompleteSignature", refusal.ErrorCode())
			require.Equal(t, "InvalidAccessKeySecret: Please check you AccessKeySecret", refusal.Recommend())
			require.Equal(t, at.address, refusal.HostId())
		})
	}
}

// The new SDK shows the string to sign, for both of its signatures, and includes HTTP status and request id in the
// message.
func TestTheNewSDKShowsWhatTheServiceSigned(t *testing.T) {
	for algorithm, first := range map[string]string{"": signature.SchemeACS3 + "\n", "v2": "POST&%2F&AccessKeyId%3D"} {
		wrong := dialV3(algorithm)(t, dev, access{id: dev.id, secret: "another secret"}).(v3)
		_, err := wrong.client.DescribeRegions()
		var refusal *tea.SDKError
		require.ErrorAs(t, err, &refusal)
		_, shown, found := strings.Cut(tea.StringValue(refusal.Message), "server string to sign is:")
		require.True(t, found)
		require.True(t, strings.HasPrefix(shown, first), shown)
		require.Regexp(t, "^code: 400, .*(?s).* request id: [0-9a-f-]{36}$", tea.StringValue(refusal.Message))
	}
}

func TestOperationsThatAreNotServedAreUnsupported(t *testing.T) {
	t.Run("alibaba-cloud-sdk-go", func(t *testing.T) {
		request := kms.CreateListPoliciesRequest()
		_, err := newV1(t, dev, dev.access, kmsapi.DefaultRegion).ListPolicies(request)
		var refusal *sdkerrors.ServerError
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, "UnsupportedOperation", refusal.ErrorCode())
		require.Equal(t, 400, refusal.HttpStatus())
	})
	t.Run("kms-20160120 v3", func(t *testing.T) {
		_, err := dialV3("")(t, dev, dev.access).(v3).client.ListPolicies(&kmsv3.ListPoliciesRequest{})
		var refusal *tea.SDKError
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, "UnsupportedOperation", tea.StringValue(refusal.Code))
		require.Equal(t, 400, tea.IntValue(refusal.StatusCode))
	})
}

// The old SDK sends its region with every request.
func TestKeysOfOneRegionAreNotFoundInAnother(t *testing.T) {
	in := func(region string) player { return player{T: t, caller: v1{newV1(t, dev, dev.access, region), "JSON"}} }
	here, there := in("cn-shanghai"), in("cn-beijing")
	key := here.newKey(kmsapi.CreateKeyRequest{})
	require.Contains(t, key.Arn, "acs:kms:cn-shanghai:")
	blob := here.encrypt(key.KeyId, "text", nil).CiphertextBlob
	there.refused(kmsapi.ErrKeyNotFound, &kmsapi.EncryptRequest{KeyId: key.KeyId, Plaintext: kmsapi.NewSecret("text")})
	there.refused(kmsapi.ErrKeyNotFound, &kmsapi.DecryptRequest{CiphertextBlob: blob})
	require.Empty(t, do[kmsapi.ListKeysResponse](there, &kmsapi.ListKeysRequest{}).Keys.Key)
}
