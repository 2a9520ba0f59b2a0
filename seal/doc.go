// Package seal lets OpenBao, and any other program that takes a Wrapper of github.com/openbao/go-kms-wrapping/v2,
// unseal itself with a CMK of Alibaba Cloud KMS. It also has OpenBao's External Keys, with which transit and PKI use
// CMKs: see the end.
//
//	w := new(seal.Wrapper)
//	_, err := w.SetConfig(ctx, wrapping.WithConfigMap(map[string]string{
//		"region": "cn-hangzhou", "kms_key_id": "alias/unseal", "access_key": id, "secret_key": secret,
//	}))
//	...
//	defer w.Finalize(ctx)
//	blob, err := w.Encrypt(ctx, rootKey)
//
// It replaces the wrapper "alicloudkms" that is built into Vault and OpenBao: it has the same type, configuration keys,
// environment variables and blobs. Each opens the other's blobs.
//
// # Configuration
//
// Every value is a string. It may also be file://PATH or env://NAME, for the content of that file or variable.
//
//	kms_key_id         CMK or alias; required. ALICLOUDKMS_WRAPPER_KEY_ID, VAULT_ALICLOUDKMS_SEAL_KEY_ID
//	previous_kms_key_ids  ids of CMKs, separated by commas, whose blobs open too; if it is set, also to an empty string,
//	                   blobs of no others do
//	region             cn-beijing by default. ALICLOUD_REGION
//	domain, endpoint   host or host:port in place of the region's. ALICLOUD_DOMAIN
//	network            public, or vpc for the region's endpoints within a VPC
//	ca_cert            PEM certificates, or the path of a file with them: the only authorities to trust
//	tls_server_name    the host name in KMS's certificate, if the endpoint is an address or a name of one's own
//	proxy              the URL of a proxy, in place of that of HTTPS_PROXY and NO_PROXY
//	request_timeout    of one attempt, in seconds or as a duration such as 15s; 10 seconds by default
//
//	gateway            shared by default, or dedicated: that of the CMK's KMS instance. ALICLOUD_KMS_GATEWAY
//	kms_instance_id    the instance; gateway=dedicated needs it, and ca_cert. ALICLOUD_KMS_INSTANCE_ID
//	instance_endpoint  host or host:port in place of the instance's own name. ALICLOUD_KMS_INSTANCE_ENDPOINT
//
//	access_key         ALICLOUD_ACCESS_KEY
//	secret_key, access_secret          ALICLOUD_SECRET_KEY
//	security_token     ALICLOUD_ACCESS_KEY_STS_TOKEN
//	role_arn           a RAM role to assume. ALICLOUD_ROLE_ARN
//	role_session_name  ALICLOUD_ROLE_SESSION_NAME
//	role_external_id, sts_endpoint     further settings of the role
//	use_environment    whether to search for credentials if there is no access key: see package credentials
//	disallow_env_vars  true ignores the variables above
//
// The configuration takes precedence over the environment; in the wrapper that this one replaces, it was the other way
// round. An access key, its secret, its token and the role come from one place: if the configuration has an access key,
// none of the others is taken from the environment. An unknown key is refused.
//
// Without an access key, package credentials searches for credentials: ALIBABA_CLOUD_… variables, an OIDC role, the
// aliyun command's profile, the credentials file, a URI, the RAM role of the ECS instance. They are renewed before they
// expire, for as long as the server runs. With disallow_env_vars, or [wrapping.WithDisallowEnvVars], that search
// requires use_environment to be true.
//
// # The dedicated gateway
//
// A KMS instance has a gateway of its own, which is reached from the VPCs associated with it and not over the Internet.
// It serves only operations that use keys. With gateway=dedicated, nothing is sent to the shared gateway, so the
// instance's Internet access may stay off. Its certificate is signed by a CA that all instances of a region share: the
// host name is what tells them apart, and it is always checked. Blobs are the same with either gateway, and each opens
// blobs that were sealed over the other.
//
// # What is stored
//
// Encrypt generates a key of 32 bytes, seals the plaintext with it (AES-256-GCM, a nonce of 12 bytes, the caller's
// AAD), and has KMS encrypt the base64 of the key. A blob holds
//
//	Ciphertext  ciphertext and tag
//	Iv          nonce
//	KeyInfo     KeyId, the CMK that KMS reported; WrappedKey, KMS's CiphertextBlob, unchanged
//
// Decrypt has KMS open WrappedKey with whichever CMK encrypted it. After a change of kms_key_id, or of the alias behind
// it, old blobs must still open. That is why a CMK that is neither the configured one nor in previous_kms_key_ids is
// only reported, once, through [Wrapper.Warn]; if that setting is present, Decrypt returns [ErrOtherKey] instead. Only
// the CMK that KMS reports counts: the blob's KeyId is not authenticated, and proves nothing.
//
// # The current key
//
// SetConfig asks KMS once for the CMK (DescribeKey, or Encrypt over the dedicated gateway, whose answer has the CMK's
// id), so that a wrong key or missing permission is found when the server starts. A disabled key is not an error then,
// since the server waits for it to be enabled. From then on, KeyId is the CMK that encrypted last, so it follows an
// alias. Vault and OpenBao seal their keys again when KeyId differs from that of a stored blob.
//
// A health check of Vault and OpenBao is one Encrypt and one Decrypt, and costs only those two calls.
//
// # Errors
//
// A failed call to KMS is an [*Error], with advice. A blob that does not open is [ErrAltered], and a blob of a CMK that
// is not allowed is [ErrOtherKey]. No error contains a secret.
//
// # External Keys
//
// [ExternalKeys] is opened with the settings above, from region to sts_endpoint, and its region is
// [kmsapi.DefaultRegion] by default. One rule is different: unless the program that opens it allows its environment,
// which OpenBao does not, nothing is taken from there. It then reads no variable, no file, no profile and no instance
// metadata, uses no proxy but the one in the setting, and refuses file:// and env://. What remains is DNS and, without
// ca_cert, the authorities that the system trusts. The reason is that the administrator of a namespace may write such a
// configuration, and must not get access to what only the server can read.
//
// A key has these settings:
//
//	key_id          id or ARN of a CMK; required. It can't be an alias: a key is one CMK, and a change needs a new key
//	key_version_id  id of the version of a key pair, which signs. A CMK without one encrypts
//	algorithm       the only one that signs: RSA_PSS_SHA_256, RSA_PKCS1_SHA_256 or ECDSA_SHA_256
//	bound_context   an object of strings that is part of every encryption context
//
// Encrypt takes 1 to 6,144 bytes, and returns KMS's CiphertextBlob without its base64. Additional data is in the entry
// "vault:associated_data" of the encryption context, in base64: a ciphertext of OpenBao's transit is one of the secrets
// engine, and the other way round. Decrypt refuses ciphertexts of other CMKs.
//
// Sign takes SHA-256 digests, or data to hash, and PSS with a salt of 32 bytes. It checks the signature before it
// returns it. Verify and ExportPublic ask KMS only for the public key, once an hour. CMKs whose signatures the standard
// library can't check (EC_P256K and SM2), and encryption with a key pair, are answered with OpenBao's error for what is
// not implemented.
package seal
