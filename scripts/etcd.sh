#!/usr/bin/env bash
# Builds the etcd of the tests from test/etcd, unless it is up to date, and prints its path: scripts/etcd.sh. With
# `scripts/etcd.sh ctl`, the same for etcdctl, etcd's own command of the same version.
set -euo pipefail
unset CDPATH # with it, cd prints the new folder

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
case ${1:-} in
'') name=etcd package=. ;;
ctl) name=etcdctl package=go.etcd.io/etcd/etcdctl/v3 ;;
*)
	echo "usage: $0 [ctl]" >&2
	exit 2
	;;
esac
program=$root/bin/test-$name
mkdir -p "$root/bin"
# Never with the race detector, for which GOFLAGS may ask.
CGO_ENABLED=0 go build -C "$root/test/etcd" -race=false -buildvcs=false -o "$program" "$package" >&2
echo "$program"
