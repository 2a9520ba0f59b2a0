#!/usr/bin/env bash
# Starts a KMS service and a Vault with the plugin mounted at alicloudkms/, and leaves them running until Ctrl-C.
# Start it with `make dev`.
set -euo pipefail
unset CDPATH # with it, cd prints the new folder
# shellcheck source=scripts/stage.sh
. "$(dirname "${BASH_SOURCE[0]}")/stage.sh"

callers_path=$PATH
open_stage
start_vault
start_kms 127.0.0.1:0
doing="while mounting the plugin"
vault plugin register -sha256="$(plugin_sha256)" -version="$VERSION" secret "$plugin" >/dev/null
vault secrets enable -path=alicloudkms -plugin-version="$VERSION" "$plugin" >/dev/null

{
	echo "export VAULT_ADDR='$VAULT_ADDR'"
	echo "export VAULT_TOKEN='$VAULT_TOKEN'"
	cat "$work/kms.env"
	if [[ -z $(PATH=$callers_path type -P vault) ]]; then
		echo "export PATH=\"$work/path:\$PATH\""
	fi
} >"$work/env"

cat <<-EOF

	Vault and the KMS service are running. NOT FOR PRODUCTION: their data is lost when they stop.
	In another shell:

	  . "$work/env"

	which sets:

	$(cat "$work/env")

	docs/getting-started.md continues from here. The logs are in $work/logs. Ctrl-C ends it all.
EOF

# If either server ends on its own, the whole set-up ends, as a failure.
doing="while running"
while is_running "$vault_pid" && is_running "$kms_pid"; do
	sleep 1 &
	wait "$!"
done
echo "a server has ended on its own" >&2
exit 1
