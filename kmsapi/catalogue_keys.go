package kmsapi

var keyOperations = operationGroup{topic: "Keys", rows: []operationRow{
	{
		request: request[CreateKeyRequest], section: "§4.1", once: true, rate: RateCreateKey, resource: AllKeys,
		states: inAnyState, required: holds[CreateKeyResponse]("KeyMetadata.KeyId"),
	},
	{
		request: request[DescribeKeyRequest], section: "§4.9", rate: RateRead, resource: NamedKey,
		states: inAnyState, required: holds[DescribeKeyResponse]("KeyMetadata.KeyId"),
	},
	{request: request[ListKeysRequest], section: "§4.10", rate: RateRead, resource: AllKeys, states: inAnyState},
	{
		request: request[UpdateKeyDescriptionRequest], section: "UpdateKeyDescription", rate: RateWrite, resource: NamedKey,
		states: unlessRejected,
	},
	{request: request[EnableKeyRequest], section: "§4.4", rate: RateWrite, resource: NamedKey, states: unlessPending},
	{request: request[DisableKeyRequest], section: "§4.5", rate: RateWrite, resource: NamedKey, states: unlessPending},
	{
		request: request[SetDeletionProtectionRequest], section: "SetDeletionProtection", rate: RateWrite,
		resource: NamedKey,
		states:   unlessRejected,
	},
	{
		request: request[ScheduleKeyDeletionRequest], section: "§4.6", once: true, rate: RateWrite, resource: NamedKey,
		states: unlessDeletion,
	},
	{
		request: request[CancelKeyDeletionRequest], section: "§4.7", once: true, rate: RateWrite, resource: NamedKey,
		states: whenPending,
	},
	{
		request: request[GetKeyPolicyRequest], section: "GetKeyPolicy", rate: RateRead, resource: NamedKey,
		states: inAnyState,
	},
	{
		request: request[SetKeyPolicyRequest], section: "SetKeyPolicy", rate: RateWrite, resource: NamedKey,
		states: inAnyState,
	},
}}

var materialOperations = operationGroup{topic: "Imported key material", rows: []operationRow{
	{
		request: request[GetParametersForImportRequest], section: "§4.2", rate: RateWrite, resource: NamedKey,
		states: inAnyState, externalOnly: true, required: holds[GetParametersForImportResponse]("ImportToken", "PublicKey"),
	},
	{
		request: request[ImportKeyMaterialRequest], section: "§4.3", rate: RateWrite, resource: NamedKey,
		states: unlessDeletion, externalOnly: true,
	},
	{
		request: request[DeleteKeyMaterialRequest], section: "§4.8", rate: RateWrite, resource: NamedKey,
		states: inAnyState, externalOnly: true,
	},
}}

var versionOperations = operationGroup{topic: "Versions and rotation", rows: []operationRow{
	{
		request: request[CreateKeyVersionRequest], section: "CreateKeyVersion", once: true, rate: RateWrite,
		resource: NamedKey,
		states:   whenEnabled, required: holds[CreateKeyVersionResponse]("KeyVersion.KeyVersionId"),
	},
	{
		request: request[DescribeKeyVersionRequest], section: "DescribeKeyVersion", rate: RateRead, resource: NamedKey,
		states: inAnyState, required: holds[DescribeKeyVersionResponse]("KeyVersion.KeyVersionId"),
	},
	{
		request: request[ListKeyVersionsRequest], section: "ListKeyVersions", rate: RateRead, resource: NamedKey,
		states: inAnyState,
	},
	{
		request: request[UpdateRotationPolicyRequest], section: "UpdateRotationPolicy", rate: RateWrite,
		resource: NamedKey,
		states:   whenEnabled,
	},
}}

var aliasOperations = operationGroup{topic: "Aliases", rows: []operationRow{
	{
		request: request[CreateAliasRequest], section: "§4.14", once: true, rate: RateWrite, resource: NamedKey,
		states: unlessDeletion,
	},
	// The states are those of the alias's new key. The state of its old key does not matter.
	{
		request: request[UpdateAliasRequest], section: "§4.15", rate: RateWrite, resource: NamedKey,
		states: unlessRejected,
	},
	{
		request: request[DeleteAliasRequest], section: "§4.16", once: true, rate: RateWrite, resource: NamedKey,
		states: inAnyState,
	},
	{request: request[ListAliasesRequest], section: "§4.17", rate: RateRead, resource: AllAliases, states: inAnyState},
	{
		request: request[ListAliasesByKeyIdRequest], section: "§4.18", rate: RateRead, resource: NamedKey,
		states: inAnyState,
	},
}}

var tagOperations = operationGroup{topic: "Tags", rows: []operationRow{
	{
		request: request[TagResourceRequest], section: "§4.19", rate: RateWrite, resource: NamedKey,
		states: unlessRejected,
	},
	{
		request: request[UntagResourceRequest], section: "§4.20", rate: RateWrite, resource: NamedKey,
		states: unlessRejected,
	},
	{
		request: request[ListResourceTagsRequest], section: "§4.21", rate: RateListTags, resource: NamedKey,
		states: inAnyState,
	},
	{
		request: request[TagResourcesRequest], section: "TagResources", rate: RateWrite, resource: NamedKey,
		states: unlessRejected,
	},
	{
		request: request[UntagResourcesRequest], section: "UntagResources", rate: RateWrite, resource: NamedKey,
		states: unlessRejected,
	},
	{
		request: request[ListTagResourcesRequest], section: "ListTagResources", rate: RateListTags, resource: NamedKey,
		states: inAnyState,
	},
}}
