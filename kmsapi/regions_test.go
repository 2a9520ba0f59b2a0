package kmsapi_test

import (
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
	} {
		require.Equal(t, want, op.Repeatable(), op)
	}
}
