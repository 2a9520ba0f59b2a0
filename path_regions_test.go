package alicloudkms

import (
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestRegionsAreRead(t *testing.T) {
	r := newKeyRig(t)
	regions := r.read("regions").Data["regions"].([]string)
	require.IsIncreasing(t, regions)
	require.Len(t, regions, len(kmsapi.Regions()))
	require.Contains(t, regions, "cn-hangzhou")

	r.fails(kmsapi.OpDescribeRegions, answered(kmsapi.ErrNoPermission))
	_, err := r.try(logical.ReadOperation, "regions", nil)
	refused(t, err, 403, "request-1", "RAM")
}
