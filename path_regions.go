package alicloudkms

import (
	"context"
	"slices"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func (b *backend) regionPaths() []*framework.Path {
	return []*framework.Path{{
		Pattern: "regions",
		Operations: operations{
			logical.ReadOperation: anyNode(b.regionsRead, "read", "regions",
				answerFields{"regions": {Type: framework.TypeStringSlice}}),
		},
		HelpSynopsis: "Where KMS can be used.",
		HelpDescription: `
Read the regions that KMS reports, sorted.

    vault read alicloudkms/regions
`,
	}}
}

func (b *backend) regionsRead(
	ctx context.Context, req *logical.Request, _ *framework.FieldData,
) (*logical.Response, error) {
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, err
	}
	answer, err := call(ctx, conn, &kmsapi.DescribeRegionsRequest{})
	if err != nil {
		return nil, err
	}
	regions := make([]string, 0, len(answer.Regions.Region))
	for _, region := range answer.Regions.Region {
		regions = append(regions, region.RegionId)
	}
	slices.Sort(regions)
	return &logical.Response{Data: map[string]any{"regions": slices.Compact(regions)}}, nil
}
