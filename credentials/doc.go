// Package credentials finds the credentials that requests to KMS are signed with, and keeps them fresh.
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
// An access key in [Config] is used whatever the environment holds. Without one, and only if UseEnvironment is set, the
// first of these sources that is set up decides:
//
//  1. the environment: ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET, ALIBABA_CLOUD_SECURITY_TOKEN
//  2. an OIDC role, as in Kubernetes: ALIBABA_CLOUD_ROLE_ARN, ALIBABA_CLOUD_OIDC_PROVIDER_ARN,
//     ALIBABA_CLOUD_OIDC_TOKEN_FILE
//  3. the profile of the aliyun command: ~/.aliyun/config.json, or ALIBABA_CLOUD_CONFIG_FILE
//  4. the credentials file: ~/.alibabacloud/credentials, or ALIBABA_CLOUD_CREDENTIALS_FILE
//  5. a URI that returns credentials: ALIBABA_CLOUD_CREDENTIALS_URI
//  6. the RAM role of the ECS instance, unless ALIBABA_CLOUD_ECS_METADATA_DISABLED is true
//
// github.com/aliyun/credentials-go reads each of them, but not through its own chain, which stays with the last source
// after all have failed and is not safe for concurrent use. If a source is set up but fails, no later one is tried: its
// credentials would be those of another identity. That is why the URI comes before the instance: only a request shows
// whether there is one.
//
// A Role is assumed with these credentials. This package calls STS itself, because credentials-go supports neither a
// private CA nor cancellation, and may put a whole answer into an error.
//
// # How they are kept
//
// Nothing is read before the first request needs it, and nothing runs between requests. Valid credentials are returned
// at once; if they are due for renewal, the request also starts one fetch in the background. A caller waits only if
// there are no credentials, or if they expire within a minute, and no longer than its context allows. A fetch outlives
// the request that started it, and takes half a minute at most. A failed fetch is not repeated for 5 seconds, and is
// not reported while the old credentials are valid.
//
//   - A session of a role is renewed when a third of its lifetime is left: after 40 of 60 minutes. The lifetime is
//     measured from the Date of STS's answer, so it does not matter if this machine's clock is wrong.
//   - credentials-go does not report when the credentials that it found expire, but renews them in their last 3
//     minutes. It is asked every minute.
//   - The sources are searched again every 10 minutes, so that a changed file or variable is noticed by then, or at
//     once when KMS refuses the old credentials.
//
// # When KMS refuses them
//
// The provider implements [client.Refresher]. However many requests are refused at a time, the credentials are fetched
// again from their source only once, and if they are the same as before, not again for 30 seconds. An access key in
// [Config] can't be fetched again.
//
// # Secrets
//
// No error contains a secret, nor anything that came from a file, from STS or from credentials-go, whose errors may
// quote whole files and answers. An [STSError] has STS's code and request id. Every value prints without secrets.
package credentials
