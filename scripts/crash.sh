#!/usr/bin/env bash
# Kills the busy KMS service $ROUNDS times (200), and checks after each kill that every acknowledged write is still
# there. SEED repeats the random choices of an earlier run, which printed it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

exec go test -count=1 -v -timeout 2h ./test/crash -args -rounds "${ROUNDS:-200}" -seed "${SEED:-0}"
