#!/usr/bin/env bash
# Kills the KMS service under load, $ROUNDS times (200), and checks after each kill that nothing acknowledged is lost.
# SEED repeats the random choices of an earlier run, which printed it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

exec go test -count=1 -v -timeout 2h ./test/crash -args -rounds "${ROUNDS:-200}" -seed "${SEED:-0}"
