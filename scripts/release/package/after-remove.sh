#!/bin/sh
# Configuration, keys, logs and the user stay, also when the package is purged: without the keys, whatever was encrypted
# with them is lost.
set -e

if [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
