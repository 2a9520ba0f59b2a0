#!/usr/bin/env bash
# Starts a KMS service and a Vault with the plugin mounted at alicloudkms/, and leaves them running until Ctrl-C or
# SIGTERM. Start it with `make dev`, or `make dev ENV=FILE`: the file then has the variables for clients as soon as
# everything is ready, and is gone afterwards. With `make dev CLUSTER=3`, the KMS service runs on three nodes.
set -euo pipefail
unset CDPATH # with it, cd prints the new folder

# A script that starts this in the background makes it ignore Ctrl-C, which then ends the script alone. Bash can't take
# that back, but GNU's env can.
if [[ $(trap -p INT) == *"''"* ]] && env --default-signal=INT true 2>/dev/null; then
	exec env --default-signal=INT "$BASH" "$0" "$@"
fi
# shellcheck source=scripts/stage.sh
. "$(dirname "${BASH_SOURCE[0]}")/stage.sh"

unset ENV # make passes it on, and to a shell it means something else.
env_file=${DEV_ENV:-}
if [[ -n $env_file ]]; then
	env_file=$(cd "$(dirname "$env_file")" && pwd)/$(basename "$env_file")
	if [[ -L $env_file || -e $env_file && ! -f $env_file ]]; then
		echo "$env_file is not a file, and is not replaced" >&2
		exit 1
	fi
	# A mistyped name must not cost a file.
	if [[ -s $env_file ]] && [[ $(head -n 1 "$env_file") != 'export VAULT_ADDR='* ]]; then
		echo "$env_file is not from an earlier run, and is not replaced; remove it, or give another name" >&2
		exit 1
	fi
	rm -f "$env_file" # One of an earlier run would suggest that this one is ready.
fi

# publish writes the variables to the file in one step, so that no reader sees a part. Only the caller can read it.
publish() {
	local new
	new=$(mktemp "$(dirname "$env_file")/.env.XXXXXX")
	cat "$work/env" >"$new"
	mv -f "$new" "$env_file"
}

# withdraw removes the file, unless a later run has replaced it.
withdraw() {
	if [[ -n $env_file && -n $work ]] && cmp -s "$work/env" "$env_file"; then
		rm -f "$env_file"
	fi
}

nodes=${DEV_CLUSTER:-}
if [[ -n $nodes && ! $nodes =~ ^[2-9]$ ]]; then
	echo "CLUSTER is the number of nodes, from 2 to 9" >&2
	exit 1
fi

[[ -z $nodes ]] || build_more=build_cluster
open_stage
before_close=withdraw
start_vault
if [[ -n $nodes ]]; then
	start_cluster "$nodes"
else
	start_kms 127.0.0.1:0
fi
doing="while mounting the plugin"
vault plugin register -sha256="$(plugin_sha256)" -version="$VERSION" secret "$plugin" >/dev/null
vault secrets enable -path=alicloudkms -plugin-version="$VERSION" "$plugin" >/dev/null

{
	echo "export VAULT_ADDR='$VAULT_ADDR'"
	echo "export VAULT_TOKEN='$VAULT_TOKEN'"
	cat "$work/kms.env"
	# The Vault of this run, which may not be the caller's, and the programs that were built.
	echo "export PATH=\"$work/path:$root/bin:\$PATH\""
} >"$work/env"
# Once others know that it runs, Ctrl-C and SIGTERM are the normal way to end it.
exit_on INT 0
exit_on TERM 0
if [[ -n $env_file ]]; then
	publish
fi

if [[ -n $nodes ]]; then
	more="docs/cluster.md is about the nodes of the KMS service."
else
	more="The KMS service has a page, $(sed -n 's/^Its page is //p' "$work/logs/kms.log")."
fi
cat <<-EOF

	Vault and the KMS service are running. NOT FOR PRODUCTION: their data is lost when they stop.
	In another shell:

	  . "${env_file:-$work/env}"

	which sets $(sed -n 's/^export \([A-Z_]*\)=.*/\1/p' "$work/env" | paste -s -d ' ' -)

	$more
	docs/getting-started.md continues from here. The logs are in $work/logs. Ctrl-C ends it all.
EOF
# If either server ends on its own, the whole setup ends, as a failure.
doing="while running"
while is_running "$vault_pid" && is_running "$kms_pid"; do
	sleep 1 &
	wait "$!"
done
echo "a server has ended on its own" >&2
exit 1
