// Package clients tests that Go programs which use Vault's transit engine work with this engine unchanged, on another
// mount path: the programs' own libraries are called as their users call them, against a real Vault with the plugin in
// a process of its own, which uses a KMS service in another.
//
// sigstore's library also drives the plugin for sigstore, as a process for each call, against a KMS service without a
// Vault.
//
// The rest needs a Vault binary in VAULT_BIN, an OpenBao binary in BAO_BIN, or both, like package e2e. That package
// replays the calls of clients that are not Go libraries.
package clients
