#!/usr/bin/env bash
# Makes everything go wrong that can happen to three nodes of the KMS service and an etcd of three members, for
# CLUSTER_SECONDS (60), and checks what their callers saw. VAULT_BIN is the Vault that unseals through them. Arguments
# are passed to the tests.
set -euo pipefail
unset CDPATH # with it, cd prints the new folder
cd "$(dirname "${BASH_SOURCE[0]}")/../test/cluster"

../../scripts/gotest.sh -count=1 ./history
# Each of the tests has six processes, which wait most of the time.
exec ../../scripts/gotest.sh -count=1 -parallel 3 . -args "$@"
