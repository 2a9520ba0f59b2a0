package alicloudkms

import (
	"github.com/hashicorp/vault/sdk/framework"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// configFields are the fields of a write.
var configFields = fields.Schemas{
	"region": {
		Type:        framework.TypeString,
		Description: "The region of the KMS keys, such as cn-hangzhou. Required.",
	},
	"endpoint": {
		Type:        framework.TypeString,
		Description: "Host, or host:port, of KMS, if it is not the region's own, for example that of a local service. It is not for the dedicated gateway of a KMS instance. Empty: the region's.",
	},
	"network": {
		Type:          framework.TypeString,
		Description:   "The network that KMS is called on: public (default) or vpc.",
		AllowedValues: []any{string(kmsapi.NetworkPublic), string(kmsapi.NetworkVPC)},
		Default:       string(kmsapi.NetworkPublic),
	},
	"ca_cert": {
		Type:         framework.TypeString,
		DisplayAttrs: &framework.DisplayAttributes{EditType: fields.AsGiven},
		Description:  "CA certificates in PEM that KMS's certificate must be signed by. Empty: the system's.",
	},
	"kms_instance_id": {
		Type:        framework.TypeString,
		Description: "The KMS instance that new keys are made in, such as kst-hzz62f1cb66fa42qo7p3x. Empty: KMS decides.",
	},
	"gateway": {
		Type:          framework.TypeString,
		Description:   "The gateway for the use of keys of kms_instance_id: shared (default), which needs Internet access of the instance, or dedicated.",
		AllowedValues: []any{gatewayShared, gatewayDedicated},
		Default:       gatewayShared,
	},
	"instance_endpoint": {
		Type:        framework.TypeString,
		Description: "Host, or host:port, of the dedicated gateway. Empty: kms_instance_id, followed by .cryptoservice.kms.aliyuncs.com.",
	},
	"instance_tls_server_name": {
		Type:        framework.TypeString,
		Description: "The host name that the dedicated gateway's certificate must have. Empty: kms_instance_id, followed by .cryptoservice.kms.aliyuncs.com.",
	},
	"instance_ca_cert": {
		Type:         framework.TypeString,
		DisplayAttrs: &framework.DisplayAttributes{EditType: fields.AsGiven},
		Description:  "CA certificates in PEM that the dedicated gateway's certificate must be signed by. Empty: what GetKmsInstance says when the configuration is written.",
	},
	"access_key": {
		Type:        framework.TypeString,
		Description: "The access key id. Required, unless use_environment is true.",
	},
	"secret_key": {
		Type:         framework.TypeString,
		Description:  "The access key's secret. Required with an access_key. Never shown.",
		DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
	},
	"security_token": {
		Type:         framework.TypeString,
		Description:  "The token that goes with temporary credentials from STS. Never shown.",
		DisplayAttrs: &framework.DisplayAttributes{Sensitive: true},
	},
	"use_environment": {
		Type:        framework.TypeBool,
		Description: "Whether to use the credentials of the Vault server's environment if there is no access_key. Endpoints and CAs must then be Alibaba Cloud's, unless the plugin's environment has ALICLOUDKMS_ALLOW_LOCAL_ENDPOINT=true.",
	},
	"role_arn": {
		Type:        framework.TypeString,
		Description: "The RAM role to assume, such as acs:ram::1000000000000001:role/vault. Empty: none.",
	},
	"role_session_name": {
		Type:        framework.TypeString,
		Description: "The name of the role's sessions in audit records. Empty: vault-alicloudkms.",
	},
	"role_external_id": {
		Type:        framework.TypeString,
		Description: "The external id that the role's trust policy asks for. It is not a secret, and is shown.",
	},
	"sts_endpoint": {
		Type:        framework.TypeString,
		Description: "Host, or host:port, of STS, which issues the sessions of the role. Empty: Alibaba Cloud's.",
	},
	"ram_endpoint": {
		Type:        framework.TypeString,
		Description: "Host, or host:port, of RAM, which config/rotate-root calls. Empty: Alibaba Cloud's.",
	},
	"max_retries": {
		Type:        framework.TypeInt,
		Description: "How often a failed call is retried, 0 to 10.",
		Default:     defaultMaxRetries,
	},
	"request_timeout": {
		Type:        framework.TypeDurationSecond,
		Description: "How long one attempt of a call may take, 1 second to 5 minutes.",
		Default:     defaultRequestTimeout.String(), // OpenAPI has no durations, and publishes it as a string.
	},
	"max_parallel": {
		Type:        framework.TypeInt,
		Description: "How many calls to each gateway of KMS this mount makes at a time; further calls wait. 0 (default): no limit.",
	},
	"cache_ttl": {
		Type:        framework.TypeDurationSecond,
		Description: "How long an unwrapped data key of a key in envelope mode is used after KMS was asked for it, 0 to 1 hour. 0: each request asks KMS.",
		Default:     defaultCacheTTL.String(),
	},
	"verify": {
		Type:        framework.TypeBool,
		Description: "Whether to call KMS with the new configuration before it is stored. verify itself is not stored.",
		Default:     true,
	},
}

// configAnswer describes what a read shows.
var configAnswer = fields.Schemas{
	"region":            {Type: framework.TypeString},
	"endpoint":          {Type: framework.TypeString},
	"network":           {Type: framework.TypeString},
	"ca_cert":           {Type: framework.TypeString},
	"access_key":        {Type: framework.TypeString},
	"use_environment":   {Type: framework.TypeBool},
	"role_arn":          {Type: framework.TypeString},
	"role_session_name": {Type: framework.TypeString},
	"role_external_id":  {Type: framework.TypeString},
	"sts_endpoint":      {Type: framework.TypeString},
	"ram_endpoint":      {Type: framework.TypeString},
	"max_retries":       {Type: framework.TypeInt},
	"request_timeout":   {Type: framework.TypeInt, Description: "In seconds."},
	"max_parallel":      {Type: framework.TypeInt},
	"cache_ttl":         {Type: framework.TypeInt, Description: "In seconds."},

	"pending_access_key": {
		Type:        framework.TypeString,
		Description: "The access key that config/rotate-root has made and that is not in use yet. Empty: none.",
	},
	"retiring_access_key": {
		Type:        framework.TypeString,
		Description: "The access key that config/rotate-root has replaced and that is still to be deleted. Empty: none.",
	},
	"retiring_since": {Type: framework.TypeString, Description: "When it was replaced. Empty: there is none."},

	"kms_instance_id":          {Type: framework.TypeString},
	"gateway":                  {Type: framework.TypeString},
	"instance_endpoint":        {Type: framework.TypeString},
	"instance_tls_server_name": {Type: framework.TypeString},
	"instance_ca_cert":         {Type: framework.TypeString, Description: "As given, or as KMS said."},
}
