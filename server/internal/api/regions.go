package api

import (
	"context"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// describeRegions lists the regions that the service works in, in the reference's order (§4.22).
func (a *API) describeRegions(
	context.Context, *Invocation, *kmsapi.DescribeRegionsRequest,
) (*kmsapi.DescribeRegionsResponse, error) {
	resp := &kmsapi.DescribeRegionsResponse{Regions: kmsapi.RegionList{Region: []kmsapi.RegionEntry{}}}
	for _, r := range kmsapi.Regions() {
		if a.regions[r.ID] {
			resp.Regions.Region = append(resp.Regions.Region, kmsapi.RegionEntry{RegionId: r.ID})
		}
	}
	return resp, nil
}
