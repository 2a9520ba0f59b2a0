#!/usr/bin/env bash
# Prints the folder that has prometheus and promtool: the one on the PATH, else bin/prometheus, where Debian's package
# is unpacked first if it is not there. The package is not installed, since it would start a service of its own and
# bring the libraries of its pages; so this needs no root either, once apt-get knows the package.
set -euo pipefail
unset CDPATH # with it, cd prints the new folder
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if found=$(type -P prometheus) && [[ -x $(dirname "$found")/promtool ]]; then
	dirname "$found"
	exit
fi

# unpack puts the two programs into bin/prometheus. They are moved there last, so that a folder that exists is complete.
unpack() {
	local folder=$1
	for tool in apt-get dpkg-deb; do
		type -P "$tool" >/dev/null || {
			echo "the tests of dashboards/ need prometheus and promtool on the PATH, or Debian's $tool" >&2
			return 1
		}
	done
	echo 'the tests of dashboards/ need Prometheus: downloading the package' >&2
	(cd "$folder" && download) || return
	dpkg-deb -x "$folder"/prometheus_*.deb "$folder/root" || return
	rm -rf bin/prometheus && mkdir -p bin
	mv "$folder/root/usr/bin" bin/prometheus
}

# download fetches the package, and the list of packages before it on a machine that has none yet.
download() {
	local apt=(apt-get -q -o Acquire::Retries=5) # A server or a connection may fail once.
	"${apt[@]}" download prometheus >&2 && return
	"${apt[@]}" update >&2 && "${apt[@]}" download prometheus >&2
}

if [[ ! -x bin/prometheus/promtool ]]; then
	folder=$(mktemp -d)
	trap 'rm -rf "$folder"' EXIT
	unpack "$folder" >&2
fi
echo "$PWD/bin/prometheus"
