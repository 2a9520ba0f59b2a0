package main

import (
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/setup"
)

// devExports returns the variables for clients of a development service, with its KMS instance.
func devExports(dev *server.DevConfig, s *server.Server) setup.Environment {
	shared := setup.Client{
		Endpoint: s.Address(), Region: kmsapi.DefaultRegion, AccessKeyID: dev.AccessKeyID, Secret: dev.AccessKeySecret,
		CAFile: dev.CAFile,
	}
	return append(shared.Environment(),
		setup.Variable{Name: "ALICLOUD_KMS_INSTANCE_ID", Value: dev.InstanceID},
		setup.Variable{Name: "ALICLOUD_KMS_INSTANCE_ENDPOINT", Value: s.InstanceAddress(dev.InstanceID)},
		setup.Variable{Name: "ALICLOUD_KMS_INSTANCE_CA", Value: dev.InstanceCAFile})
}
