#!/usr/bin/env bash
# Measures client, service and engine against their peers, and writes the table of docs/performance.md and
# docs/performance.json. It takes the flags of test/bench, such as -only REGEX, -rounds N and -duration TIME, and that
# program starts and stops all servers.
set -euo pipefail
unset CDPATH # with it, cd prints the new folder
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

vault=$("$root/scripts/vault.sh")
go build -C "$root/test/bench" -buildvcs=false -o "$root/bin/bench" .
# exec, so that a signal reaches the program at once.
exec "$root/bin/bench" -root="$root" -vault="$vault" "$@"
