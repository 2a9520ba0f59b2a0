package api

import (
	"context"
	"strconv"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
)

// getKmsInstance returns the details of a KMS instance.
func (a *API) getKmsInstance(
	_ context.Context, inv *Invocation, r *kmsapi.GetKmsInstanceRequest,
) (*kmsapi.GetKmsInstanceResponse, error) {
	i, err := a.instance(inv.scope(), r.KmsInstanceId)
	if err != nil {
		return nil, err
	}
	inv.InstanceID = i.ID
	return &kmsapi.GetKmsInstanceResponse{KmsInstance: kmsapi.InstanceDetails{
		InstanceId: i.ID, InstanceName: i.ID, Status: kmsapi.InstanceStatus(i.Status),
		CaCertificateChainPem: i.CACertificates, Spec: i.Spec, KeyNum: orMany(a.quotas.Load().Keys),
		SecretNum: strconv.Itoa(orMany(a.quotas.Load().Secrets)), VpcNum: 1,
	}}, nil
}

// many is the number of CMKs or secrets that an instance reports as its capacity if there is no quota.
const many = 1_000_000

func orMany(quota int) int {
	if quota == config.Unlimited {
		return many
	}
	return quota
}

// listKmsInstances returns a page of the KMS instances of the account and region, in the order of their ids.
func (a *API) listKmsInstances(
	_ context.Context, inv *Invocation, r *kmsapi.ListKmsInstancesRequest,
) (*kmsapi.ListKmsInstancesResponse, error) {
	all := a.instancesOf(inv.scope())
	resp := &kmsapi.ListKmsInstancesResponse{
		KmsInstances: kmsapi.InstanceList{KmsInstance: []kmsapi.InstanceEntry{}},
		PageNumber:   r.PageNumber, PageSize: r.PageSize, TotalCount: len(all),
	}
	if r.PageNumber > len(all)/r.PageSize+1 { // The start of the page could overflow an int.
		return resp, nil
	}
	first := min((r.PageNumber-1)*r.PageSize, len(all))
	for _, i := range all[first:min(first+r.PageSize, len(all))] {
		resp.KmsInstances.KmsInstance = append(resp.KmsInstances.KmsInstance,
			kmsapi.InstanceEntry{KmsInstanceId: i.ID, KmsInstanceArn: inv.arn("keystore/" + i.ID)})
	}
	return resp, nil
}

// getDefaultKmsInstance returns the instance in which CreateKey makes a key if the request names none.
func (a *API) getDefaultKmsInstance(
	_ context.Context, inv *Invocation, _ *kmsapi.GetDefaultKmsInstanceRequest,
) (*kmsapi.GetDefaultKmsInstanceResponse, error) {
	return &kmsapi.GetDefaultKmsInstanceResponse{DefaultKmsInstanceId: a.defaultInstance(inv.scope())}, nil
}
