#!/usr/bin/env bash
# Runs the libraries by which Go programs use Vault's transit engine against this engine, in the Vault of VAULT_BIN.
# Never from the test cache, which does not see changes of the plugin and the service that the tests build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../test/clients"

exec ../../scripts/gotest.sh -count=1 ./...
