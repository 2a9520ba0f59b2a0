#!/usr/bin/env bash
# Runs every test: unit tests with the race detector, Alibaba Cloud's own SDKs against the KMS service, and the end-to-end
# tests on a real Vault. These come last and verbose, so that one can see that they ran, and never from the test cache.
set -euo pipefail
unset CDPATH # with it, cd prints where it has gone to
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/compiler.sh
VAULT_BIN=$(scripts/vault.sh)
export VAULT_BIN CGO_ENABLED=1
# With this, a test that needs Vault fails where it would otherwise be skipped.
export ALICLOUDKMS_REQUIRE_VAULT=1
echo "end-to-end tests use $VAULT_BIN: $("$VAULT_BIN" version)"

packages=$(go list ./... | grep -v '/test/e2e$')
# shellcheck disable=SC2086 # one word a package
go test -race $packages
scripts/sdk.sh
# What make bench measures with; the measuring itself takes minutes.
go test -C test/bench -race ./contest
go test -C test/bench .
scripts/node.sh
go test -race -v -count=1 -timeout 20m ./test/e2e
