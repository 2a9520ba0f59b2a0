// Package kmsapi is the contract of Alibaba Cloud KMS, API version 2016-01-20: operations, the shapes of their requests
// and answers, error codes, key states, limits and regions. Both ends of the wire are built on it: package client
// encodes a [Request] and decodes the answer, the KMS service decodes a request and encodes the answer.
//
// It does no I/O, keeps no state and knows nothing about HTTP, signatures or storage.
//
// # Where to start
//
// To call KMS you need the types of requests and answers, and the errors:
//
//   - Keys: [CreateKeyRequest], [DescribeKeyRequest], [ListKeysRequest], [EnableKeyRequest], [DisableKeyRequest],
//     [ScheduleKeyDeletionRequest], [CancelKeyDeletionRequest]. [KeyMetadata] describes a key.
//   - Cryptography: [EncryptRequest], [DecryptRequest], [GenerateDataKeyRequest], with an [EncryptionContext].
//   - Key material of your own: [GetParametersForImportRequest], [ImportKeyMaterialRequest],
//     [DeleteKeyMaterialRequest].
//   - Aliases: [CreateAliasRequest], [UpdateAliasRequest], [DeleteAliasRequest], [ListAliasesRequest],
//     [ListAliasesByKeyIdRequest].
//   - Tags: [TagResourceRequest], [UntagResourceRequest], [ListResourceTagsRequest].
//   - Secrets: [CreateSecretRequest], [PutSecretValueRequest], [GetSecretValueRequest], [DescribeSecretRequest],
//     [ListSecretsRequest], [UpdateSecretVersionStageRequest], [DeleteSecretRequest], [GetRandomPasswordRequest].
//   - Regions: [DescribeRegionsRequest] asks KMS; [Regions], [FindRegion] and [Endpoint] need no request.
//
// A request type XRequest belongs to the operation [Operation] X and the answer XResponse. Plaintexts and values
// of secrets are a [Secret], which prints as [redacted]. A refusal is an [*Error]: compare with [errors.Is] and an Err
// value, or ask its [Kind].
//
// To build a client or a service you need the rest. The catalogue has one row for each operation, which the methods of
// [Operation] read: whether it may run twice, which rate limit it shares, which permission it needs, in which states of
// a key it may run, and what an answer must hold. [Code] has one row for each error code. Each request type describes
// its parameters once, with their rules and with [Support], which says that some are not served; [Encode], [Decode] and
// [Describe] read that one description, and [Params] are the parameters on the wire.
//
// Field names are the API's own (KeyId, not KeyID), so answers need JSON and XML tags only to omit fields. Section
// numbers such as "§4.11" name the section of the published API reference that a name implements.
package kmsapi

// Version is the API version that every request names in its Version parameter (§1.3).
const Version = "2016-01-20"

// TimeFormat is how KMS writes a time, in UTC, both in the Timestamp parameter and in answers (§1.3).
const TimeFormat = "2006-01-02T15:04:05Z"
