// Package sdk proves that Alibaba Cloud's own Go SDKs talk to the KMS service unchanged, and that package signature signs
// exactly as they do. Client and service share that package, so a mistake in it would cancel out between them; here the
// other end was written by others.
//
// The service is `alicloudkms server`, built by the tests and run as three processes: one as `-dev` makes it, over TLS,
// with its CA found as users find it, through SSL_CERT_FILE; one with a configuration file, over plain HTTP, which is
// the default of alibaba-cloud-sdk-go; and one with KMS instances of every kind, as Alibaba Cloud is sold today. The
// SDKs call dedicated gateways by their real names, in the set-up that Alibaba Cloud documents.
//
// A scenario is written once, in the request and response types of package kmsapi, and played by every [dialect]: an SDK
// with its signature, format and transport. A dialect fills the SDK's own request types and reads its own response types,
// so a parameter or a field that the SDK does not know fails the test.
package sdk
