// Package e2e tests the engine as it is used: a real Vault (or OpenBao) process runs the plugin's real binary over
// gRPC, and the plugin calls the KMS service, also a real process, over TLS.
//
// It needs a Vault binary in VAULT_BIN, an OpenBao binary in BAO_BIN, or both; every test then runs on each. Without
// either the tests are skipped, or fail if ALICLOUDKMS_REQUIRE_VAULT is set. `make test` sets that and VAULT_BIN.
//
// The tests build the engine and the KMS service, with the race detector if the tests themselves use it. They record
// every plaintext, data key and secret, and at the end search all logs and data files for them, and for reports of the
// race detector.
package e2e
