package kmsapi

// The states are those of the key that encrypts a secret, and uses is its kind.
var secretOperations = operationGroup{topic: "Secrets", rows: []operationRow{
	{
		request: request[CreateSecretRequest], section: "CreateSecret", once: true, rate: RateSecretWrite,
		resource: AllSecrets, keyAction: "kms:GenerateDataKey",
		states: whenEnabled, uses: SymmetricKey, required: holds[CreateSecretResponse]("SecretName", "VersionId"),
	},
	{
		request: request[DescribeSecretRequest], section: "DescribeSecret", rate: RateSecretRead, resource: NamedSecret,
		states: inAnyState, required: holds[DescribeSecretResponse]("SecretName"),
	},
	{
		request: request[ListSecretsRequest], section: "ListSecrets", rate: RateSecretRead, resource: AllSecrets,
		states: inAnyState,
	},
	{
		request: request[UpdateSecretRequest], section: "UpdateSecret", rate: RateSecretWrite, resource: NamedSecret,
		states: inAnyState,
	},
	{
		request: request[DeleteSecretRequest], section: "DeleteSecret", once: true, rate: RateSecretWrite,
		resource: NamedSecret,
		states:   inAnyState, required: holds[DeleteSecretResponse]("PlannedDeleteTime"),
	},
	{
		request: request[RestoreSecretRequest], section: "RestoreSecret", once: true, rate: RateSecretWrite,
		resource: NamedSecret,
		states:   inAnyState,
	},
	{
		request: request[GetSecretValueRequest], section: "GetSecretValue", plane: DataPlane, rate: RateSecretValue,
		resource: NamedSecret, keyAction: "kms:Decrypt",
		states: whenEnabled, uses: SymmetricKey, required: holds[GetSecretValueResponse]("VersionId", "SecretData"),
	},
	{
		request: request[PutSecretValueRequest], section: "PutSecretValue", rate: RateSecretWrite,
		resource: NamedSecret, keyAction: "kms:GenerateDataKey",
		states: whenEnabled, uses: SymmetricKey, required: holds[PutSecretValueResponse]("VersionId"),
	},
	{
		request: request[ListSecretVersionIdsRequest], section: "ListSecretVersionIds", rate: RateSecretRead,
		resource: NamedSecret,
		states:   inAnyState,
	},
	{
		request: request[UpdateSecretVersionStageRequest], section: "UpdateSecretVersionStage", once: true,
		rate: RateSecretWrite, resource: NamedSecret,
		states: inAnyState,
	},
	{
		request: request[RotateSecretRequest], section: "RotateSecret", once: true, rate: RateSecretWrite,
		resource: NamedSecret,
		states:   inAnyState,
	},
	{
		request: request[UpdateSecretRotationPolicyRequest], section: "UpdateSecretRotationPolicy", rate: RateSecretWrite,
		resource: NamedSecret,
		states:   inAnyState,
	},
	{
		request: request[GetSecretPolicyRequest], section: "GetSecretPolicy", rate: RateSecretRead, resource: NamedSecret,
		states: inAnyState,
	},
	{
		request: request[SetSecretPolicyRequest], section: "SetSecretPolicy", rate: RateSecretWrite,
		resource: NamedSecret,
		states:   inAnyState,
	},
	{
		request: request[GetRandomPasswordRequest], section: "GetRandomPassword", rate: RateSecretRead,
		resource: NoResource,
		states:   inAnyState, required: holds[GetRandomPasswordResponse]("RandomPassword"),
	},
}}
