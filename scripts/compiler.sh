#!/usr/bin/env bash
# Makes sure that there is a C compiler, which go test -race needs. Installs one if it can without asking (root, with
# apt-get), and otherwise says what is missing.
set -euo pipefail

compiler=$(go env CC)
if type -P "${compiler%% *}" >/dev/null; then
	exit 0
fi
if [[ $(id -u) == 0 ]] && type -P apt-get >/dev/null; then
	echo "go test -race needs a C compiler: installing gcc and libc6-dev" >&2
	export DEBIAN_FRONTEND=noninteractive
	# A server or a connection may fail once, and another process may be installing something.
	apt=(apt-get -q -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300)
	"${apt[@]}" update >&2 && "${apt[@]}" install -y --no-install-recommends gcc libc6-dev >&2 && exit 0
fi
echo "go test -race needs a C compiler, and '$compiler' is not on the PATH: install gcc and the C library's headers" >&2
exit 1
