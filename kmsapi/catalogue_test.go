package kmsapi_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestEveryOperationHasAWholeRow(t *testing.T) {
	sections := map[string]kmsapi.Operation{}
	for _, op := range kmsapi.Operations() {
		require.True(t, op.Known(), op)
		require.Equal(t, op, op.NewRequest().Operation())
		require.Contains(t, kmsapi.RateClasses(), op.RateClass(), op)
		require.NotEmpty(t, op.Actions(), op)
		if keys := op.KeyParameters(); keys != nil {
			require.Len(t, op.Actions(), len(keys), "%s has an action for each of its keys", op)
		}
		require.NotEmpty(t, op.Topic(), op)
		require.NotContains(t, sections, op.Section(), "%s has the section of %s", op, sections[op.Section()])
		sections[op.Section()] = op
		answer := op.NewRequest().NewResponse()
		answer.SetRequestId("r-1")
		require.Equal(t, "r-1", answer.ID())
		for _, name := range op.KeyParameters() {
			require.True(t, op.Takes(name), "%s of %s", name, op)
		}
		require.Contains(t, everyRequest, op, "the codec's tests draw a request of each operation")
	}
	require.Len(t, sections, len(everyRequest))
}

func TestOperationsOfATopicAreNextToEachOther(t *testing.T) {
	var topics []string
	for _, op := range kmsapi.Operations() {
		topics = append(topics, op.Topic())
	}
	topics = slices.Compact(topics)
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(topics))), len(topics), topics)
}

func TestAnOperationOutsideTheCatalogueMayDoNothing(t *testing.T) {
	const made kmsapi.Operation = "MakeCoffee"
	require.False(t, made.Known())
	require.Nil(t, made.NewRequest())
	require.Empty(t, made.Actions())
	require.ErrorIs(t, made.Refusal(kmsapi.Enabled), kmsapi.ErrInternalFailure)
}

func TestPublishedOperations(t *testing.T) {
	for _, op := range kmsapi.Operations() {
		require.True(t, op.Published(), op)
	}
	require.True(t, kmsapi.Operation("GenerateMac").Published())
	require.False(t, kmsapi.Operation("GenerateMac").Known(), "it is not served yet")
	for _, name := range []kmsapi.Operation{"", "MakeCoffee", "createkey", "CreateKey "} {
		require.False(t, name.Published(), "%q", name)
	}
}

func TestTheParametersThatAnOperationTakes(t *testing.T) {
	require.True(t, kmsapi.OpEncrypt.Takes("Plaintext"))
	require.True(t, kmsapi.OpDecrypt.Takes("Recipient"), "it is published, though refused")
	require.False(t, kmsapi.OpDecrypt.Takes("KeyId"))
	require.False(t, kmsapi.Operation("MakeCoffee").Takes("KeyId"))
}

func TestEveryParameterThatNamesSomethingIsMarked(t *testing.T) {
	naming := regexp.MustCompile(`KeyId$|AliasName$|InstanceId$|ResourceId$|Arn$|SecretName$`)
	for _, op := range kmsapi.Operations() {
		for _, rule := range kmsapi.Describe(op.NewRequest()) {
			require.Equal(t, naming.MatchString(rule.Name), rule.Named, "%s of %s", rule.Name, op)
			name := rule.Name
			if rule.Type == kmsapi.TypeNumbered {
				name += ".1"
			}
			require.Equal(t, rule.Named, kmsapi.IsName(name))
		}
	}
	require.False(t, kmsapi.IsName("Plaintext"))
	require.False(t, kmsapi.IsName(""))
}

func TestDryRunsAreOfOperationsThatHaveThem(t *testing.T) {
	dry := kmsapi.Params{{Name: "DryRun", Value: "true"}}
	require.True(t, kmsapi.OpDecrypt.IsDryRun(dry))
	require.False(t, kmsapi.OpDecrypt.IsDryRun(kmsapi.Params{{Name: "DryRun", Value: "false"}}))
	require.False(t, kmsapi.OpDecrypt.IsDryRun(nil))
	require.False(t, kmsapi.OpCreateKey.IsDryRun(dry))
	require.False(t, kmsapi.Operation("MakeCoffee").IsDryRun(dry))
}

func TestAnAnswerThatLacksWhatTheOperationIsForIsNoticed(t *testing.T) {
	for name, tc := range map[string]struct {
		op     kmsapi.Operation
		answer kmsapi.Response
		want   string
	}{
		"no ciphertext": {op: kmsapi.OpEncrypt, answer: &kmsapi.EncryptResponse{KeyId: "k"}, want: "CiphertextBlob"},
		"no plaintext":  {op: kmsapi.OpDecrypt, answer: &kmsapi.DecryptResponse{KeyId: "k"}, want: "Plaintext"},
		"no key in the metadata": {
			op: kmsapi.OpDescribeKey, answer: &kmsapi.DescribeKeyResponse{},
			want: "KeyMetadata.KeyId",
		},
		"a whole answer": {
			op:     kmsapi.OpDecrypt,
			answer: &kmsapi.DecryptResponse{KeyId: "k", Plaintext: kmsapi.NewSecret("p")},
		},
		"nothing is required": {op: kmsapi.OpEnableKey, answer: &kmsapi.EnableKeyResponse{}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, tc.op.MissingField(tc.answer)) })
	}
}

func TestTheKindOfACode(t *testing.T) {
	for code, want := range map[kmsapi.Code]kmsapi.Kind{
		"Forbidden.KeyNotFound":    kmsapi.KindNotFound,
		"Rejected.Throttling":      kmsapi.KindThrottle,
		"Throttling":               kmsapi.KindThrottle,
		"Throttling.User":          kmsapi.KindThrottle,
		"Throttling.Resource":      kmsapi.KindThrottle,
		"InvalidTimeStamp.Expired": kmsapi.KindClock,
		"RequestTimeTooSkewed":     kmsapi.KindClock,
		"Throttlings":              kmsapi.KindOther,
		"InvalidParameter.Odd":     kmsapi.KindOther,
		"":                         kmsapi.KindOther,
	} {
		require.Equal(t, want, code.Kind(), code)
	}
}

func TestKindsThatComeBeforeAuthentication(t *testing.T) {
	for _, err := range kmsapi.Errors() {
		if err.Kind().BlamesCredentials() {
			require.True(t, err.Kind().Unauthenticated(), err.Code)
		}
	}
	require.True(t, kmsapi.ErrIllegalTimestamp.Kind().Unauthenticated())
	require.False(t, kmsapi.ErrIllegalTimestamp.Kind().BlamesCredentials())
	require.False(t, kmsapi.ErrNoPermission.Kind().Unauthenticated())
}
