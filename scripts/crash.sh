#!/usr/bin/env bash
# Kills the KMS service at work, $ROUNDS times (200), and checks after each that all it has acknowledged is there.
# SEED repeats the random choices of an earlier run, which prints it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

exec go test -count=1 -v -timeout 2h ./test/crash -args -rounds "${ROUNDS:-200}" -seed "${SEED:-0}"
