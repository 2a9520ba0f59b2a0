#!/bin/sh
# Makes the service's user. It starts nothing: the service needs a configuration first, and after an upgrade it is the
# operator who says when requests may fail for a second.
set -e

# With another root, systemd makes the user when that system boots.
[ -z "${DPKG_ROOT:-}" ] || exit 0

if command -v systemd-sysusers >/dev/null; then
	systemd-sysusers alicloudkms.conf
elif ! getent passwd alicloudkms >/dev/null; then
	useradd --system --user-group --home-dir /var/lib/alicloudkms --no-create-home --shell /usr/sbin/nologin alicloudkms
fi
[ ! -d /run/systemd/system ] || systemctl daemon-reload
