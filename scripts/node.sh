#!/usr/bin/env bash
# Runs Alibaba Cloud's own Node SDKs against the KMS service. scripts/programs.sh installs Node and the packages.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/programs.sh node

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/alicloudkms" ./cmd/alicloudkms
ALICLOUDKMS_BIN=$work/alicloudkms node test/node/run.mjs
