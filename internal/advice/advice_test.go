package advice_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/advice"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestTheMostExactAdviceIsFound(t *testing.T) {
	table := advice.Table{
		ByOperation: map[kmsapi.Operation]map[kmsapi.Code]string{
			kmsapi.OpDecrypt: {kmsapi.ErrKeyNotFound.Code: "operation and code"},
		},
		ByCode: map[kmsapi.Code]string{kmsapi.ErrKeyNotFound.Code: "code"},
		ByKind: map[kmsapi.Kind]string{kmsapi.KindNotFound: "kind"},
	}
	for name, tc := range map[string]struct {
		op      kmsapi.Operation
		refused *kmsapi.Error
		want    string
	}{
		"by operation and code": {
			op: kmsapi.OpDecrypt, refused: kmsapi.ErrKeyNotFound,
			want: "operation and code",
		},
		"by code if the operation is another": {op: kmsapi.OpEncrypt, refused: kmsapi.ErrKeyNotFound, want: "code"},
		"by kind if the code is another":      {op: kmsapi.OpEncrypt, refused: kmsapi.ErrAliasNotFound, want: "kind"},
		"none if the kind is another":         {op: kmsapi.OpEncrypt, refused: kmsapi.ErrThrottling},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, table.For(tc.op, tc.refused)) })
	}
}

func TestADescriptionShowsNoMessageThatMayQuoteWhatWasSigned(t *testing.T) {
	secret := *kmsapi.ErrIncompleteSignature.WithMessage("server string to sign is: Plaintext=c2VjcmV0")
	secret.RequestID = "r-1"
	require.Equal(t, "KMS refused: IncompleteSignature (request id r-1)", advice.Describe(&secret))
	dump := kmsapi.ErrInvalidParameter.WithMessage(strings.Repeat("c2VjcmV0", 64))
	require.Equal(t, "KMS refused: InvalidParameter", advice.Describe(dump))
	require.Equal(t, "KMS refused: Forbidden.KeyNotFound: The specified Key is not found.",
		advice.Describe(kmsapi.ErrKeyNotFound))
}
