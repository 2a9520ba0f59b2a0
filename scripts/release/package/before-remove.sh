#!/bin/sh
# Stops the service if its program is about to go. dpkg says remove and upgrade; rpm says 0 and 1.
set -e

case "$1" in
remove | 0)
	if [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
		systemctl --no-reload disable --now alicloudkms.service
	fi
	;;
esac
