package api

import (
	"context"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Every account in the configuration may use the service, so there is nothing to sign up for.

// describeAccountKmsStatus answers that the account may use the service.
func (*API) describeAccountKmsStatus(
	context.Context, *Invocation, *kmsapi.DescribeAccountKmsStatusRequest,
) (*kmsapi.DescribeAccountKmsStatusResponse, error) {
	return &kmsapi.DescribeAccountKmsStatusResponse{AccountStatus: kmsapi.AccountEnabled}, nil
}

// openKmsService has nothing to do.
func (*API) openKmsService(
	context.Context, *Invocation, *kmsapi.OpenKmsServiceRequest,
) (*kmsapi.OpenKmsServiceResponse, error) {
	return &kmsapi.OpenKmsServiceResponse{}, nil
}
