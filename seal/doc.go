// Package seal lets OpenBao, and whatever else takes a Wrapper of github.com/openbao/go-kms-wrapping/v2, unseal itself with a
// CMK of Alibaba Cloud KMS.
//
//	w := new(seal.Wrapper)
//	_, err := w.SetConfig(ctx, wrapping.WithConfigMap(map[string]string{
//		"region": "cn-hangzhou", "kms_key_id": "alias/unseal", "access_key": id, "secret_key": secret,
//	}))
//	...
//	defer w.Finalize(ctx)
//	blob, err := w.Encrypt(ctx, rootKey)
//
// It takes the place of the wrapper "alicloudkms" that Vault and OpenBao have built in: the same type, configuration keys and
// environment variables, and the same blobs. What either has sealed, the other opens.
//
// # Configuration
//
// Every key is text. A value may also be file://PATH or env://NAME, which stand for what is in that file or variable.
//
//	kms_key_id         CMK or alias; required. ALICLOUDKMS_WRAPPER_KEY_ID, VAULT_ALICLOUDKMS_SEAL_KEY_ID
//	region             cn-beijing if nothing is given. ALICLOUD_REGION
//	domain, endpoint   host or host:port instead of the region's, as of a dedicated instance. ALICLOUD_DOMAIN
//	network            public, or vpc for the region's endpoints within a VPC
//	ca_cert            PEM certificates, or the path of a file with them: the only authorities to trust
//	request_timeout    of one attempt, in seconds or as a duration such as 15s; 10 seconds if nothing is given
//
//	access_key         ALICLOUD_ACCESS_KEY
//	secret_key, access_secret          ALICLOUD_SECRET_KEY
//	security_token     ALICLOUD_ACCESS_KEY_STS_TOKEN
//	role_arn           a RAM role to assume. ALICLOUD_ROLE_ARN
//	role_session_name  ALICLOUD_ROLE_SESSION_NAME
//	role_external_id, sts_endpoint     belong to role_arn too
//	use_environment    whether to look further for credentials if there is no access key: see package credentials
//	disallow_env_vars  true reads none of the variables above
//
// What is configured wins over the environment; in the wrapper that this one replaces it was the other way round. An access
// key, its secret, its token and the role come from one place: if the configuration has an access key, none of the others is
// taken from the environment. A key that is not known is refused.
//
// Without an access key, credentials come from where package credentials finds them: ALIBABA_CLOUD_… variables, an OIDC role,
// the aliyun command's profile, the credentials file, a URI, the RAM role of the ECS instance. They are renewed before they
// end, for as long as the server runs. With disallow_env_vars, or [wrapping.WithDisallowEnvVars], that is only done if
// use_environment is true.
//
// # What is stored
//
// Encrypt makes a key of 32 bytes, seals the plaintext with it (AES-256-GCM, 12 bytes of nonce, the caller's AAD), and lets
// KMS encrypt the key's base64. A blob holds
//
//	Ciphertext  ciphertext and tag
//	Iv          nonce
//	KeyInfo     KeyId, the CMK that KMS says it used; WrappedKey, KMS's CiphertextBlob as it came
//
// Decrypt lets KMS open WrappedKey with whatever CMK made it, and does not compare that with the configured one, nor with the
// blob's KeyId: after kms_key_id has changed, or its alias names another CMK, the old blobs must open, and a KeyId that lies
// beside the ciphertext proves nothing. Which CMKs may be used is for the RAM policy to say.
//
// # The current key
//
// SetConfig asks KMS once for the CMK (DescribeKey), so that a wrong key or access is found when the server starts; it is no
// error that the key is disabled, since the server waits for that to change. From then on, KeyId is the CMK that encrypted
// last, so it follows an alias. Vault and OpenBao seal their keys anew when KeyId differs from a stored blob's.
//
// The health check of Vault and OpenBao is one Encrypt and one Decrypt, and costs those two calls and no more.
//
// # Errors
//
// A call to KMS that fails is an [*Error], with advice. What can't be opened is [ErrAltered]. No error holds a secret.
package seal
