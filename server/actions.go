package server

import (
	"context"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// call is one authenticated request on its way to a handler.
type call struct {
	Scope
	ctx context.Context
	now time.Time

	operation   kmsapi.Operation
	permissions permissions
	// resource is what a refusal names: the CMK or alias, in the request's own words.
	resource string
	// keyID is for the audit line. The handler sets it once it knows the CMK.
	keyID string
}

// action is a row of the table of operations.
type action struct {
	operation kmsapi.Operation
	// run decodes the parameters and calls the handler.
	run func(s *Service, c *call, params kmsapi.Params) (kmsapi.Response, error)
}

// actions is every operation that the service knows. HTTP edge and tests are derived from it.
var actions = table(
	row((*Service).createKey),
	row((*Service).describeKey),
	row((*Service).listKeys),
	row((*Service).getParametersForImport),
	row((*Service).importKeyMaterial),
	row((*Service).deleteKeyMaterial),
	row((*Service).enableKey),
	row((*Service).disableKey),
	row((*Service).scheduleKeyDeletion),
	row((*Service).cancelKeyDeletion),
	row((*Service).encrypt),
	row((*Service).decrypt),
	row((*Service).generateDataKey),
	row((*Service).createAlias),
	row((*Service).updateAlias),
	row((*Service).deleteAlias),
	row((*Service).listAliases),
	row((*Service).listAliasesByKeyId),
	row((*Service).tagResource),
	row((*Service).untagResource),
	row((*Service).listResourceTags),
	row((*Service).describeRegions),
)

func table(rows ...action) map[kmsapi.Operation]action {
	byName := make(map[kmsapi.Operation]action, len(rows))
	for _, r := range rows {
		byName[r.operation] = r
	}
	return byName
}

// request is a pointer to a request type of package kmsapi.
type request[T any] interface {
	*T
	kmsapi.Request
}

// row makes a row from a typed handler: the request type says which operation it is and how its parameters are decoded.
func row[T any, Req request[T], Resp kmsapi.Response](handle func(*Service, *call, Req) (Resp, error)) action {
	return action{
		operation: Req(new(T)).Operation(),
		run: func(s *Service, c *call, params kmsapi.Params) (kmsapi.Response, error) {
			req := Req(new(T))
			if err := kmsapi.Decode(params, req); err != nil {
				return nil, err
			}
			resp, err := handle(s, c, req)
			if err != nil {
				return nil, err
			}
			return resp, nil
		},
	}
}

// describeRegions lists the regions that the service works in, in the reference's order (§4.22).
func (s *Service) describeRegions(*call, *kmsapi.DescribeRegionsRequest) (*kmsapi.DescribeRegionsResponse, error) {
	resp := &kmsapi.DescribeRegionsResponse{Regions: kmsapi.RegionList{Region: []kmsapi.RegionEntry{}}}
	for _, r := range kmsapi.Regions() {
		if s.regions[r.ID] {
			resp.Regions.Region = append(resp.Regions.Region, kmsapi.RegionEntry{RegionId: r.ID})
		}
	}
	return resp, nil
}
