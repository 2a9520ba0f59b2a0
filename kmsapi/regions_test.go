package kmsapi_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestEndpoint(t *testing.T) {
	for _, tc := range []struct {
		region  string
		network kmsapi.Network
		want    string
	}{
		{kmsapi.DefaultRegion, "", "kms.cn-hangzhou.aliyuncs.com"},
		{"cn-beijing", kmsapi.NetworkPublic, "kms.cn-beijing.aliyuncs.com"},
		{"cn-beijing", kmsapi.NetworkVPC, "kms-vpc.cn-beijing.aliyuncs.com"},
		{"cn-hangzhou-finance", kmsapi.NetworkPublic, "kms.cn-hangzhou-finance.aliyuncs.com"},
	} {
		got, err := kmsapi.Endpoint(tc.region, tc.network)
		require.NoError(t, err)
		require.Equal(t, tc.want, got)
	}
	for _, tc := range []struct {
		region  string
		network kmsapi.Network
		want    string
	}{
		{"mars-1", "", `region "mars-1" is not in the API reference`},
		{"", "", "is not in the API reference"},
		{"CN-BEIJING", "", "is not in the API reference"},
		{"cn-hangzhou-finance", kmsapi.NetworkVPC, "has no VPC endpoint"},
		{"cn-beijing", "moon", `network "moon" is neither`},
	} {
		_, err := kmsapi.Endpoint(tc.region, tc.network)
		require.ErrorContains(t, err, tc.want)
	}
}

func TestAMisspelledRegionIsAnsweredWithAGuessAndTheRegions(t *testing.T) {
	for name, tc := range map[string]struct {
		id    string
		known []string
		want  string
	}{
		"a letter is missing": {
			"cn-hangzou",
			[]string{"cn-beijing", "cn-hangzhou"},
			`did you mean "cn-hangzhou"? The regions are cn-beijing, cn-hangzhou`,
		},
		"upper case": {
			"CN-BEIJING",
			[]string{"cn-beijing", "cn-hangzhou"},
			`did you mean "cn-beijing"? The regions are cn-beijing, cn-hangzhou`,
		},
		"nothing that is near": {"mars-1", []string{"cn-beijing"}, `the regions are cn-beijing`},
	} {
		require.Equal(t, tc.want, kmsapi.SuggestRegion(tc.id, tc.known), name)
	}
	_, err := kmsapi.Endpoint("us-esat-1", "")
	require.EqualError(t, err, `region "us-esat-1" is not in the API reference; did you mean "us-east-1"? `+
		`The regions are ap-northeast-1, ap-south-1, ap-southeast-1, ap-southeast-2, ap-southeast-3, ap-southeast-5, `+
		`ap-southeast-6, cn-beijing, cn-chengdu, cn-guangzhou, cn-hangzhou, cn-hangzhou-finance, cn-heyuan, `+
		`cn-hongkong, cn-huhehaote, cn-qingdao, cn-shanghai, cn-shanghai-finance-1, cn-shenzhen, `+
		`cn-shenzhen-finance-1, cn-wulanchabu, cn-zhangjiakou, eu-central-1, eu-west-1, me-east-1, us-east-1, `+
		`us-west-1. For another region, give its endpoint`)
	_, err = kmsapi.Endpoint(strings.Repeat("x", 1000), "")
	require.NotContains(t, err.Error(), strings.Repeat("x", 65), "the message is bounded")
}

func TestRegionsAreThoseOfTheReference(t *testing.T) {
	regions := kmsapi.Regions()
	require.Len(t, regions, 27)
	seen := map[string]bool{}
	for _, r := range regions {
		require.False(t, seen[r.ID], "%s is there twice", r.ID)
		seen[r.ID] = true
		require.NotEmpty(t, r.Name)
		require.Equal(t, "kms."+r.ID+".aliyuncs.com", r.PublicEndpoint)
		if r.VPCEndpoint != "" {
			require.Equal(t, "kms-vpc."+r.ID+".aliyuncs.com", r.VPCEndpoint)
		}
		found, ok := kmsapi.FindRegion(r.ID)
		require.True(t, ok)
		require.Equal(t, r, found)
	}
	regions[0].ID = "changed"
	require.NotEqual(t, "changed", kmsapi.Regions()[0].ID, "callers get a copy")
}

func TestOnlyOperationsThatChangeNothingNewAreRepeatable(t *testing.T) {
	for op, want := range map[kmsapi.Operation]bool{
		kmsapi.OpCreateKey: false, kmsapi.OpScheduleKeyDeletion: false, kmsapi.OpCancelKeyDeletion: false,
		kmsapi.OpDescribeKey: true, kmsapi.OpListKeys: true, kmsapi.OpEnableKey: true, kmsapi.OpDisableKey: true,
		kmsapi.OpEncrypt: true, kmsapi.OpDecrypt: true, kmsapi.OpGenerateDataKey: true, kmsapi.OpDescribeRegions: true,
		kmsapi.OpGenerateDataKeyWithoutPlaintext: true, kmsapi.OpExportDataKey: true,
		kmsapi.OpGenerateAndExportDataKey: true, kmsapi.OpReEncrypt: true,
	} {
		require.Equal(t, want, op.Repeatable(), op)
	}
}
