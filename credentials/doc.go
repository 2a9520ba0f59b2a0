// Package credentials finds what requests to KMS are signed with, and keeps it fresh.
//
//	provider, err := credentials.New(credentials.Config{
//		UseEnvironment: true,
//		Role:           credentials.Role{ARN: "acs:ram::1000000000000001:role/vault"},
//	})
//	...
//	kms, err := client.New(client.Config{Region: "cn-hangzhou", Credentials: provider})
//
// # Which credentials
//
// An access key that is given is used, whatever the environment says. Without one, and only if UseEnvironment is set, the
// first of these that is there decides:
//
//  1. the environment: ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET, ALIBABA_CLOUD_SECURITY_TOKEN
//  2. an OIDC role, as in Kubernetes: ALIBABA_CLOUD_ROLE_ARN, ALIBABA_CLOUD_OIDC_PROVIDER_ARN, ALIBABA_CLOUD_OIDC_TOKEN_FILE
//  3. the profile of the aliyun command: ~/.aliyun/config.json, or ALIBABA_CLOUD_CONFIG_FILE
//  4. the credentials file: ~/.alibabacloud/credentials, or ALIBABA_CLOUD_CREDENTIALS_FILE
//  5. a URI that gives credentials: ALIBABA_CLOUD_CREDENTIALS_URI
//  6. the RAM role of the ECS instance, unless ALIBABA_CLOUD_ECS_METADATA_DISABLED is true
//
// They are read by github.com/aliyun/credentials-go, one by one and not through its own chain, which stays with the last
// source after all have failed and is not safe for use by many goroutines. If a source is there and fails, no later one is
// tried: its credentials would be someone else's. That is why the URI comes before the instance, of which nobody can tell
// whether it is there without asking it.
//
// A Role is assumed on top of either, by a call of our own to STS, since that of credentials-go knows no other CA and no
// cancellation, and may put a whole answer into an error.
//
// # How they are kept
//
// Nothing is read before the first request needs it, and nothing runs between requests. Credentials that are still good are
// given at once, to everyone; if they are due, the same request starts one fetch beside it. Only who has none at all, or
// ones that end within a minute, waits, no longer than its context lets it. A fetch does not end with the request that began
// it. It takes half a minute at most. One that fails is not begun again for 5 seconds, and while the old credentials are
// good nobody notices.
//
//   - A session of a role is renewed when a third of its life is left: after 40 of 60 minutes. Its life is measured from the
//     Date of STS's answer, so it does not matter if this machine's clock is off.
//   - credentials-go does not tell when what it found ends, but renews it itself in the last 3 minutes. It is asked every
//     minute.
//   - All sources are looked at anew every 10 minutes, so a file or variable that has changed is seen after that time, or
//     at once when KMS refuses the old credentials.
//
// # When KMS refuses them
//
// The provider implements [client.Refresher]. However many requests are refused at a time, the credentials are read once
// more from where they came, and if they are the same as before, not again for 30 seconds. An access key of [Config] can't
// be read again.
//
// # Secrets
//
// No error has a secret in it, nor any text that came from a file, from STS or from credentials-go, whose errors may hold
// all of it. An [STSError] has STS's code and request id. Everything prints without secrets.
package credentials
