// Package client calls Alibaba Cloud KMS, or any other service with its API, version 2016-01-20.
//
//	kms, err := client.New(client.Config{
//		Region:      "cn-hangzhou",
//		Credentials: client.Static{AccessKeyID: id, AccessKeySecret: kmsapi.NewSecret(secret)},
//	})
//	...
//	defer kms.Close()
//	blob, err := kms.EncryptBytes(ctx, key, plaintext, kmsapi.EncryptionContext{"app": "payroll"})
//	if errors.Is(err, kmsapi.ErrKeyNotFound) {
//		...
//	}
//
// Every operation has a method, and [Do] sends any request of package kmsapi.
//
// A [Client] is safe for use by many goroutines. Make one and keep it: it holds the connections.
//
// # Errors
//
// A call that fails returns one of three, found by [errors.As]. Each names the operation:
//
//   - [*kmsapi.Error]: KMS refused. Compare with [errors.Is] and the Err values of kmsapi.
//   - [*TransportError]: there is no answer from KMS, or one that can't be trusted.
//   - [*CredentialsError]: the [Provider] returned no credentials, or no new ones after KMS refused those that it
//     returned.
//
// A parameter that is not UTF-8 is [ErrNotUTF8], and nothing is sent: KMS encrypts strings, and [Client.EncryptBytes]
// encodes bytes as one.
//
// If the caller's context was cancelled or its deadline passed, errors.Is finds that as well. From an answer, an error
// holds only a refusal's code, message, request id and host id, and the message is cut where it repeats the request's
// parameters. From the request, it holds the operation. Other values that contain a secret print as [redacted].
//
// # What is sent
//
// Each attempt is a POST to "/" with all parameters in its form body, signed by RPC signature version 1 (§1.4) with a
// nonce and timestamp of its own. TLS is 1.2 or newer; plain HTTP is for loopback only. Redirects are not followed. A
// proxy is taken from HTTPS_PROXY and NO_PROXY, unless [Config] has one.
//
// # What is tried again
//
// Throttling, ServiceUnavailableTemporary, InternalFailure, every status from 500 up, broken connections and attempts
// that took too long, with exponential backoff and full jitter, and never beyond the caller's deadline. A Retry-After
// is obeyed, with a random wait of at most the same length added; if it asks for more than 10 seconds, the call fails
// at once instead. After an attempt that took too long, new connections are made, to other addresses of the host if it
// has any: they may lead to another machine.
//
// Once KMS throttles, the requests of that rate class on that gateway take turns, at a rate that adapts to what KMS
// answers, until it has not throttled for 10 seconds. A request whose turn would come after its deadline gets KMS's
// last refusal at once.
//
// CreateKey, ScheduleKeyDeletion and CancelKeyDeletion must not run twice (see [kmsapi.Operation.Repeatable]). They are
// tried again only if they certainly did not run: KMS throttled them, or no connection was made.
//
// If KMS refuses the timestamp, the client compares its clock with the Date of that answer, remembers the difference
// for all later requests, and tries once more.
//
// If KMS refuses the access key, its signature or the security token, a [Provider] that is also a [Refresher] is asked
// once for others, and if it has any, the request is signed with them and sent once more. That is safe for every
// operation.
package client
