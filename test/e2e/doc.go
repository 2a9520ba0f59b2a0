// Package e2e tests the engine as it is used: a real Vault (and OpenBao) process runs the plugin's real binary over gRPC,
// and the plugin talks to the KMS service, a real process too, over TLS.
//
// It needs a Vault binary in VAULT_BIN, an OpenBao binary in BAO_BIN, or both; every test then runs on each. Without
// either the tests are skipped, unless ALICLOUDKMS_REQUIRE_VAULT is set: then they fail. `make test` sets both.
//
// The engine and the KMS service are built by the tests, with the race detector if the tests have it. Every plaintext,
// data key and secret that goes through a test is noted, and after the last one all logs and data files are searched for
// them, and for reports of the race detector.
package e2e
