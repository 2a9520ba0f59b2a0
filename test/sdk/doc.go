// Package sdk proves that Alibaba Cloud's own Go SDKs talk to the KMS service unchanged, and that package signature signs
// exactly as they do. Client and service share that package, so a mistake in it would cancel out between them; here the
// other end was written by others.
//
// The service is `alicloudkms server`, built by the tests and run as two processes: one as `-dev` makes it, over TLS, with
// its CA found as users find it, through SSL_CERT_FILE; and one with a configuration file, over plain HTTP, which is what
// alibaba-cloud-sdk-go speaks unless it is told otherwise.
//
// A scenario is written once, in the request and response types of package kmsapi, and played by every [dialect]: an SDK
// with its signature, format and transport. A dialect fills the SDK's own request types and reads its own response types,
// so a parameter or a field that the SDK does not know fails the test.
package sdk
