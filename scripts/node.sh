#!/usr/bin/env bash
# Runs Alibaba Cloud's own Node SDKs against the KMS service. Installs Node and npm if it can without asking (root, with
# apt-get), and otherwise says what is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

missing=()
type -P node >/dev/null || missing+=(nodejs)
type -P npm >/dev/null || missing+=(npm)
if [[ ${#missing[@]} -gt 0 ]]; then
	if [[ $(id -u) != 0 ]] || ! type -P apt-get >/dev/null; then
		echo "the Node SDKs need node and npm on the PATH; missing: ${missing[*]}" >&2
		exit 1
	fi
	echo "the Node SDKs need node and npm: installing ${missing[*]}" >&2
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q >&2
	apt-get install -q -y --no-install-recommends "${missing[@]}" >&2
fi
if ! node -e '
	const [major, minor] = process.versions.node.split(".");
	process.exitCode = major * 100 + +minor < 1815 ? 1 : 0;
'; then
	echo "the Node SDKs need Node 18.15 or newer, and node is $(node --version)" >&2
	exit 1
fi

# npm writes node_modules/.package-lock.json when it is done.
if [[ ! test/node/node_modules/.package-lock.json -nt test/node/package-lock.json ]]; then
	npm --prefix test/node ci --ignore-scripts --loglevel=error
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/alicloudkms" ./cmd/alicloudkms
ALICLOUDKMS_BIN=$work/alicloudkms node test/node/run.mjs
