package main

import (
	"maps"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

// errand is an operation that both the service and transit have.
type errand struct {
	operation kmsapi.Operation
	kind      keyKind
	// request is the one to the service.
	request func(k madeKey) kmsapi.Request
	// path and data are the request to transit, given what its key has made.
	path string
	data func(made string) map[string]any
	// atLeast is the target for the rate with 16 goroutines. busy measures 64 too.
	atLeast float64
	busy    bool
	// bare does the same with Go's own library, without a server, where that is reported too.
	bare bareCrypto
}

var errands = []errand{
	{
		operation: kmsapi.OpEncrypt, kind: symmetric, request: encryptWith,
		path: "transit/encrypt/", data: thePlaintext, atLeast: 1.5, busy: true,
	},
	{
		operation: kmsapi.OpDecrypt, kind: symmetric, request: decryptWith,
		path: "transit/decrypt/", data: theCiphertext, atLeast: 1.5, busy: true,
	},
	{
		operation: kmsapi.OpGenerateDataKey, kind: symmetric, request: dataKeyWith,
		path: "transit/datakey/plaintext/", data: nothing, atLeast: 1.5, busy: true,
	},
	{
		operation: kmsapi.OpGenerateDataKeyWithoutPlaintext, kind: symmetric, request: hiddenDataKeyWith,
		path: "transit/datakey/wrapped/", data: nothing, atLeast: 1.5,
	},
	{
		operation: kmsapi.OpReEncrypt, kind: symmetric, request: reEncryptWith,
		path: "transit/rewrap/", data: theCiphertext, atLeast: 1.5,
	},
	{
		operation: kmsapi.OpAsymmetricSign, kind: signsP256, request: signWith,
		path: "transit/sign/", data: theDigest, atLeast: 1.5, bare: bareCrypto{"crypto/ecdsa", bareP256},
	},
	{
		operation: kmsapi.OpAsymmetricSign, kind: signsRSA, request: signWith,
		path: "transit/sign/", data: theDigest, atLeast: 1, bare: bareCrypto{"crypto/rsa", bareRSA},
	},
	{
		operation: kmsapi.OpAsymmetricVerify, kind: signsP256, request: verifyWith,
		path: "transit/verify/", data: theSignature, atLeast: 1.5,
	},
	{
		operation: kmsapi.OpAsymmetricVerify, kind: signsRSA, request: verifyWith,
		path: "transit/verify/", data: theSignature, atLeast: 1.5,
	},
	{
		operation: kmsapi.OpAsymmetricEncrypt, kind: encryptsRSA, request: pairEncryptWith,
		path: "transit/encrypt/", data: thePlaintext, atLeast: 1.5,
	},
	{
		operation: kmsapi.OpAsymmetricDecrypt, kind: encryptsRSA, request: pairDecryptWith,
		path: "transit/decrypt/", data: theCiphertext, atLeast: 1,
	},
}

// name is the operation, and the KeySpec of a key pair.
func (e errand) name() string {
	if e.kind.spec == "" {
		return string(e.operation)
	}
	return string(e.operation) + " of " + e.kind.spec
}

// p99 is the target for the slowest requests. It is only reported where both sides compute RSA nearly all the time:
// callers of either side then wait for a core.
func (e errand) p99() contest.Target {
	if e.atLeast == 1 {
		return contest.Target{}
	}
	return contest.AtMost(1)
}

// The data of requests to transit.

func nothing(string) map[string]any { return nil }

func thePlaintext(string) map[string]any { return map[string]any{"plaintext": plaintext} }

func theCiphertext(made string) map[string]any { return map[string]any{"ciphertext": made} }

// theDigest makes transit sign as the service does: the digest as it is, and with RSA a salt of its length.
func theDigest(string) map[string]any {
	return map[string]any{
		"input": digest, "prehashed": true, "hash_algorithm": "sha2-256",
		"signature_algorithm": "pss", "salt_length": "hash",
	}
}

func theSignature(made string) map[string]any {
	data := maps.Clone(theDigest(""))
	data["signature"] = made
	return data
}
