#!/usr/bin/env bash
# Builds the etcd of the tests from test/etcd, unless it is up to date, and prints its path.
set -euo pipefail
unset CDPATH # with it, cd prints the new folder

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=$root/bin/test-etcd
mkdir -p "$root/bin"
# Never with the race detector, for which GOFLAGS may ask.
CGO_ENABLED=0 go build -C "$root/test/etcd" -race=false -buildvcs=false -o "$program" . >&2
echo "$program"
