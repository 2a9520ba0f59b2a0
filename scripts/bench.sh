#!/usr/bin/env bash
# Measures client, service and engine against their peers, and writes docs/performance.md's table and
# docs/performance.json. Takes the flags of test/bench: -only REGEX, -rounds N, -duration TIME. That program starts and
# stops everything it measures.
set -euo pipefail
unset CDPATH # with it, cd prints the folder that it changes to
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

vault=$("$root/scripts/vault.sh")
go build -C "$root/test/bench" -buildvcs=false -o "$root/bin/bench" .
# exec replaces this shell, so that a signal reaches the program directly.
exec "$root/bin/bench" -root="$root" -vault="$vault" "$@"
