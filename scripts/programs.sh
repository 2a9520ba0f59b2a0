#!/usr/bin/env bash
# Installs what the programs of docs/apps.md, the Node SDKs, the tests of releases and those of the page of the KMS
# service need: scripts/programs.sh [node] [python] [java] [shell] [release] [browser]; without arguments, all of it. It
# asks nothing: as root it uses apt-get, and otherwise it says what is missing.
# Jackson's jars may be in another folder, ALICLOUDKMS_JARS, with the names that they have in Debian.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

missing=()

# lacks COMMAND PACKAGE... notes the packages of a command that is not on the PATH.
lacks() {
	type -P "$1" >/dev/null || missing+=("${@:2}")
}

# has_modules succeeds if a Python has what docs/apps.md imports. Debian's packages are for Debian's own Python, which
# may not be the first on the PATH.
has_modules() {
	local python
	for python in python3 /usr/bin/python3; do
		"$python" -c 'import hvac, cryptography' 2>/dev/null && return
	done
	return 1
}

# has_browser succeeds if there is a Chromium under one of the names that test/page knows.
has_browser() {
	type -P chromium-headless-shell >/dev/null || type -P chromium >/dev/null || type -P google-chrome >/dev/null
}

install_missing() {
	[[ ${#missing[@]} -gt 0 ]] || return 0
	if [[ $(id -u) != 0 ]] || ! type -P apt-get >/dev/null; then
		echo "the tests need these packages of Debian, or what they contain: ${missing[*]}" >&2
		exit 1
	fi
	echo "the tests need more: installing ${missing[*]}" >&2
	export DEBIAN_FRONTEND=noninteractive
	# A server or a connection may fail once, and another process may be installing something.
	local apt=(apt-get -q -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300)
	"${apt[@]}" update >&2
	"${apt[@]}" install -y --no-install-recommends "${missing[@]}" >&2
}

# node_packages installs the packages of test/node. npm writes node_modules/.package-lock.json when it is done.
node_packages() {
	if ! node -e '
		const [major, minor] = process.versions.node.split(".");
		process.exitCode = major * 100 + +minor < 1815 ? 1 : 0;
	'; then
		echo "the Node SDKs need Node 18.15 or newer, and node is $(node --version)" >&2
		exit 1
	fi
	if [[ ! test/node/node_modules/.package-lock.json -nt test/node/package-lock.json ]]; then
		npm --prefix test/node ci --ignore-scripts --loglevel=error --fetch-retries=5
	fi
}

wanted=("$@")
[[ $# -gt 0 ]] || wanted=(node python java shell release browser)
for what in "${wanted[@]}"; do
	case $what in
	node)
		lacks node nodejs
		lacks npm npm
		;;
	python) has_modules || missing+=(python3 python3-hvac python3-cryptography) ;;
	java)
		lacks javac default-jdk-headless
		[[ -e ${ALICLOUDKMS_JARS:-/usr/share/java}/jackson-databind.jar ]] || missing+=(libjackson2-databind-java)
		;;
	shell)
		lacks curl curl
		lacks openssl openssl
		lacks jq jq
		;;
	release)
		lacks dpkg dpkg
		lacks man man-db
		lacks rpm rpm
		lacks rpm2cpio rpm2cpio
		lacks cpio cpio
		;;
	browser) has_browser || missing+=(chromium-headless-shell fonts-dejavu-core) ;;
	*)
		echo "there is nothing to install for '$what'" >&2
		exit 2
		;;
	esac
done
install_missing
for what in "${wanted[@]}"; do
	[[ $what != node ]] || node_packages
done
