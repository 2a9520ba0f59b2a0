package kmsapi

import "strings"

// Published reports whether there is an operation called o: in the catalogue, or among all that Alibaba Cloud has ever
// published for this version of the API. A service must answer a published operation that it lacks differently from an
// unknown name: clients take the 404 of an unknown name for a resource that is gone.
func (o Operation) Published() bool { return o.Known() || published[o] }

// published has the names in all SDKs and documents, including those that Alibaba Cloud has withdrawn. A name stays
// here once it is served. The set is never changed.
var published = setOf(`
	CreateKey DescribeKey ListKeys EnableKey DisableKey ScheduleKeyDeletion CancelKeyDeletion UpdateKeyDescription
	SetDeletionProtection GetKeyPolicy SetKeyPolicy
	CreateKeyVersion DescribeKeyVersion ListKeyVersions UpdateRotationPolicy
	GetParametersForImport ImportKeyMaterial DeleteKeyMaterial
	CreateAlias UpdateAlias DeleteAlias ListAliases ListAliasesByKeyId
	TagResource UntagResource ListResourceTags TagResources UntagResources ListTagResources

	Encrypt Decrypt GenerateDataKey GenerateDataKeyWithoutPlaintext ExportDataKey GenerateAndExportDataKey ReEncrypt
	AdvanceEncrypt AdvanceDecrypt
	AsymmetricEncrypt AsymmetricDecrypt AsymmetricSign AsymmetricVerify GetPublicKey GenerateMac VerifyMac
	GetManagedDataKey ListManagedDataKeyVersions

	CreateSecret DescribeSecret ListSecrets UpdateSecret DeleteSecret RestoreSecret RotateSecret GetSecretValue
	BatchGetSecretValue PutSecretValue ListSecretVersionIds UpdateSecretVersionStage UpdateSecretRotationPolicy
	GetSecretPolicy SetSecretPolicy GetRandomPassword

	DescribeRegions DescribeAccountKmsStatus OpenKmsService DescribeService DescribeKmsService ProcessMessage
	ConnectKmsInstance GetKmsInstance ListKmsInstances GetDefaultKmsInstance GetKmsInstanceQuotaInfos
	ReleaseKmsInstance UpdateKmsInstanceBindVpc
	CreateApplicationAccessPoint DescribeApplicationAccessPoint ListApplicationAccessPoints
	UpdateApplicationAccessPoint DeleteApplicationAccessPoint
	CreateClientKey GetClientKey ListClientKeys DeleteClientKey
	CreateNetworkRule DescribeNetworkRule ListNetworkRules UpdateNetworkRule DeleteNetworkRule
	CreatePolicy DescribePolicy ListPolicies UpdatePolicy DeletePolicy
	DescribeAccessPoint ListAccessPoints DeleteAccessPoint RefreshAccessPointTokens

	CreateCertificate UploadCertificate ImportCertificate ImportEncryptionCertificate ExportCertificate
	DescribeCertificate GetCertificate ListCertificates UpdateCertificateStatus DeleteCertificate
	CertificatePrivateKeyDecrypt CertificatePrivateKeySign CertificatePublicKeyEncrypt CertificatePublicKeyVerify
	CreateCertificateAuthority DescribeCertificateAuthority ListCertificateAuthorities DeleteCertificateAuthority
	GetCertificateAuthorityCertificate GetCertificateAuthorityCsr ImportCertificateAuthorityCertificate
	IssueCertificate GetIssuedCertificate RevokeCertificate IssueCrl GetCrl

	CreateWhiteBoxKey DescribeWhiteBoxKey GetWhiteBoxKey ListWhiteBoxKeys EncryptByWhiteBox BindingInternalAppWhitebox
	OverwriteWhiteBoxDeviceFingerprints
`)

func setOf(names string) map[Operation]bool {
	set := map[Operation]bool{}
	for name := range strings.FieldsSeq(names) {
		set[Operation(name)] = true
	}
	return set
}
