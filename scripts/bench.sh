#!/usr/bin/env bash
# Measures client, service and engine against their peers, and writes docs/performance.md's table and docs/performance.json. Takes
# the flags of test/bench: -only REGEX, -rounds N, -duration TIME. That program starts and ends all that is measured.
set -euo pipefail
unset CDPATH # with it, cd prints where it has gone to
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

vault=$("$root/scripts/vault.sh")
go build -C "$root/test/bench" -buildvcs=false -o "$root/bin/bench" .
# In the place of this shell, so that a signal reaches it at once.
exec "$root/bin/bench" -root="$root" -vault="$vault" "$@"
