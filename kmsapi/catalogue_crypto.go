package kmsapi

var encryptionOperations = operationGroup{topic: "Encryption", rows: []operationRow{
	{
		request: request[EncryptRequest], section: "§4.11", plane: DataPlane, rate: RateCrypto, resource: NamedKey,
		states: whenEnabled, uses: SymmetricKey, required: holds[EncryptResponse]("CiphertextBlob"),
	},
	{
		request: request[DecryptRequest], section: "§4.13", plane: DataPlane, rate: RateCrypto, resource: NamedKey,
		states: whenEnabled, uses: SymmetricKey, required: holds[DecryptResponse]("KeyId", "Plaintext"),
	},
	// The states apply to both keys, and uses is the kind of the one that encrypts.
	{
		request: request[ReEncryptRequest], section: "ReEncrypt", plane: SharedDataPlane, rate: RateReEncrypt,
		resource: NamedKey, actions: []string{"kms:ReEncryptFrom", "kms:ReEncryptTo"},
		keys:   []string{reEncryptSource, reEncryptDestination},
		states: whenEnabled, uses: SymmetricKey, required: holds[ReEncryptResponse]("KeyId", "CiphertextBlob"),
	},
}}

var dataKeyOperations = operationGroup{topic: "Data keys", rows: []operationRow{
	{
		request: request[GenerateDataKeyRequest], section: "§4.12", plane: DataPlane, rate: RateCrypto, resource: NamedKey,
		states: whenEnabled, uses: SymmetricKey, required: holds[GenerateDataKeyResponse]("CiphertextBlob", "Plaintext"),
	},
	{
		request: request[GenerateDataKeyWithoutPlaintextRequest], section: "GenerateDataKeyWithoutPlaintext",
		plane: DataPlane, rate: RateCrypto, resource: NamedKey,
		states: whenEnabled, uses: SymmetricKey, required: holds[GenerateDataKeyWithoutPlaintextResponse]("CiphertextBlob"),
	},
	{
		request: request[ExportDataKeyRequest], section: "ExportDataKey",
		plane: DataPlane, rate: RateCrypto, resource: NamedKey,
		states: whenEnabled, uses: SymmetricKey, required: holds[ExportDataKeyResponse]("KeyId", "ExportedDataKey"),
	},
	{
		request: request[GenerateAndExportDataKeyRequest], section: "GenerateAndExportDataKey",
		plane: DataPlane, rate: RateCrypto, resource: NamedKey,
		states: whenEnabled, uses: SymmetricKey,
		required: holds[GenerateAndExportDataKeyResponse]("CiphertextBlob", "ExportedDataKey"),
	},
}}

var keyPairOperations = operationGroup{topic: "Key pairs", rows: []operationRow{
	{
		request: request[GetPublicKeyRequest], section: "GetPublicKey", plane: DataPlane, rate: RateRead,
		resource: NamedKey,
		states:   unlessImport, uses: KeyPair, required: holds[GetPublicKeyResponse]("PublicKey"),
	},
	{
		request: request[AsymmetricSignRequest], section: "AsymmetricSign", plane: DataPlane, rate: RateAsymmetric,
		resource: NamedKey,
		states:   whenEnabled, uses: SigningKey, required: holds[AsymmetricSignResponse]("Value"),
	},
	{
		request: request[AsymmetricVerifyRequest], section: "AsymmetricVerify", plane: DataPlane, rate: RateAsymmetric,
		resource: NamedKey,
		states:   whenEnabled, uses: SigningKey,
	},
	{
		request: request[AsymmetricEncryptRequest], section: "AsymmetricEncrypt", plane: DataPlane, rate: RateAsymmetric,
		resource: NamedKey,
		states:   whenEnabled, uses: DecryptingKey, required: holds[AsymmetricEncryptResponse]("CiphertextBlob"),
	},
	{
		request: request[AsymmetricDecryptRequest], section: "AsymmetricDecrypt", plane: DataPlane, rate: RateAsymmetric,
		resource: NamedKey,
		states:   whenEnabled, uses: DecryptingKey, required: holds[AsymmetricDecryptResponse]("KeyId"),
	},
}}
