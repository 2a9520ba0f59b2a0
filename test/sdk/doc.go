// Package sdk tests that Alibaba Cloud's own Go SDKs work with the KMS service unchanged, and that package signature
// signs exactly as they do. Client and service share that package, so a mistake in it would cancel out between them;
// here the other end is independent.
//
// The service is `alicloudkms server`, built by the tests and run as three processes: one with `-dev`, over TLS, whose
// CA is found through SSL_CERT_FILE, as by users; one with a configuration file, over plain HTTP, which is the default
// of alibaba-cloud-sdk-go; and one with KMS instances of every kind, as Alibaba Cloud is sold today. The SDKs call
// dedicated gateways by their real names, in the setup that Alibaba Cloud documents.
//
// A scenario is written once, with the request and response types of package kmsapi, and played by every [dialect]: an
// SDK with a signature, format and transport. A dialect converts them to and from the SDK's own types, so a parameter
// or a field that the SDK does not have fails the test.
package sdk
