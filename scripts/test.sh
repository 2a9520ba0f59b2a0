#!/usr/bin/env bash
# Runs every test: unit tests with the race detector, Alibaba Cloud's own SDKs against the KMS service, and the
# end-to-end tests on a real Vault. These come last and are verbose, to show that they ran; they never use the test
# cache.
set -euo pipefail
unset CDPATH # with it, cd prints the folder that it changes to
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/compiler.sh
VAULT_BIN=$(scripts/vault.sh)
export VAULT_BIN CGO_ENABLED=1
# With this, a test that needs Vault fails instead of being skipped.
export ALICLOUDKMS_REQUIRE_VAULT=1
echo "end-to-end tests use $VAULT_BIN: $("$VAULT_BIN" version)"

packages=$(go list ./... | grep -v '/test/e2e$')
# shellcheck disable=SC2086 # one word per package
go test -race $packages
scripts/sdk.sh
# The tools of make bench; measuring itself takes minutes.
go test -C test/bench -race ./contest
go test -C test/bench .
scripts/node.sh
go test -race -v -count=1 -timeout 20m ./test/e2e
