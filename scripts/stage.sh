# Starts and stops the servers of demo.sh and dev.sh: the KMS service and a real Vault, each a process on a port of
# 127.0.0.1 that the kernel picks. It is sourced, after `set -euo pipefail`.
#
# All files are in one temporary folder, $work, which is removed at the end. Where setsid exists, each server leads a
# process group: a Ctrl-C on the terminal then reaches this script alone, which stops the servers in order, and a group
# can be stopped as a whole, with the plugin that Vault started. No process is found by name.
#
# shellcheck shell=bash

# With CDPATH, cd prints the new folder.
unset CDPATH
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
plugin=vault-plugin-secrets-alicloudkms
work=
leaders=()
new_group=$(type -P setsid || true)
kms_pid=
vault_pid=
interrupted=
# A function to run before the servers are stopped.
before_close=:
# A function that builds more programs.
build_more=:
# The current activity, for the report of a failure.
doing="while preparing"

# open_stage builds the programs and prepares the folder. It needs $VERSION, which the Makefile sets.
open_stage() {
	trap close_stage EXIT
	exit_on HUP 129
	exit_on INT 130
	exit_on TERM 143
	check_needs
	work=$(mktemp -d "${TMPDIR:-/tmp}/alicloudkms.XXXXXX")
	# A plugin's socket is in it, and the name of a socket must fit into 104 bytes.
	if [[ ${#work} -gt 80 ]]; then
		echo "the name of the temporary folder, $work, is too long: set TMPDIR to a shorter one" >&2
		exit 1
	fi
	mkdir "$work/home" "$work/tmp" "$work/logs" "$work/plugins" "$work/path"
	# A go command that is interrupted leaves its files behind.
	export GOTMPDIR=$work/tmp
	doing="while building"
	echo "building ... (about a minute the first time)"
	interruptibly make --no-print-directory -C "$root" build "VERSION=$VERSION"
	interruptibly "$root/scripts/vault.sh"
	ln -s "$(tail -n 1 "$work/logs/vault.sh.log")" "$work/path/vault"
	cp "$root/bin/$plugin" "$work/plugins/"
	"$build_more"
	leave_callers_environment
}

# exit_on SIGNAL STATUS ends the script with the status when the signal comes.
#
# Bash 5.2 may run a trap just before it parses a command substitution. It then parses the trap as if that were in the
# substitution, and without a closing parenthesis it reports an error and forgets the signal. Everywhere else, the first
# line is run, and ends the script, before the second one is parsed.
exit_on() {
	# shellcheck disable=SC2064 # the status is the present one
	trap "interrupted=yes; exit $2"$'\n)' "$1"
}

check_needs() {
	local missing=() tool
	for tool in go make awk base64 grep mktemp od sed; do
		type -P "$tool" >/dev/null || missing+=("$tool")
	done
	type -P sha256sum >/dev/null || type -P shasum >/dev/null || missing+=("sha256sum (or shasum)")
	if [[ ${#missing[@]} -gt 0 ]]; then
		printf 'this needs %s, which is not on the PATH\n' "${missing[@]}" >&2
		exit 1
	fi
	if [[ -z ${VERSION:-} ]]; then
		echo "start this with make, which sets the version to build" >&2
		exit 1
	fi
}

# interruptibly runs a command that may take minutes in a process group, so that a signal ends it at once: bash runs no
# trap until its foreground command ends. Its output goes to a log, its errors to the terminal.
interruptibly() {
	local log
	log=$work/logs/$(basename "$1").log
	# shellcheck disable=SC2086 # nothing, where there is no setsid
	$new_group "$@" </dev/null >"$log" &
	leaders+=("$!")
	wait "$!"
}

# leave_callers_environment unsets the caller's variables for other Vaults, other accounts and proxies.
leave_callers_environment() {
	local name
	shopt -s nocasematch
	for name in $(compgen -e); do
		case $name in
		vault_* | bao_* | alicloud* | alibaba_cloud_* | ssl_cert_* | *_proxy) unset "$name" ;;
		esac
	done
	shopt -u nocasematch
	# Vault's CLI keeps a token in the home folder; the caller's own must be neither read nor replaced.
	export HOME=$work/home TMPDIR=$work/tmp PATH=$work/path:$PATH
	export VAULT_CLIENT_TIMEOUT=60s
}

# start_server NAME COMMAND... starts a server in a process group, with its output in NAME.log, and sets $started.
start_server() {
	local log=$work/logs/$1.log
	shift
	# shellcheck disable=SC2086 # nothing, where there is no setsid
	$new_group "$@" </dev/null >>"$log" 2>&1 &
	started=$!
	leaders+=("$started")
}

# wait_until PID COMMAND... waits until the command succeeds, at most some minutes and only while the process lives: on
# a busy machine, a server may need many times as long as usual.
wait_until() {
	local pid=$1 tries
	shift
	for ((tries = 0; tries < 3000; tries++)); do
		if "$@" >/dev/null 2>&1; then
			return
		fi
		is_running "$pid" || break
		sleep 0.1
	done
	return 1
}

# start_kms ADDRESS starts the KMS service, on the data of its last run if any, and sources its exports.
start_kms() {
	doing="while starting the KMS service"
	rm -f "$work/kms.env"
	start_server kms "$root/bin/alicloudkms" server -dev -dev-listen "$1" -dev-dir "$work/kms" -dev-env "$work/kms.env"
	kms_pid=$started
	wait_until "$kms_pid" test -s "$work/kms.env"
	# shellcheck disable=SC1091 # written by the service
	. "$work/kms.env"
}

# build_cluster builds what start_cluster needs, with the caller's caches.
build_cluster() {
	interruptibly "$root/scripts/etcd.sh"
	interruptibly go build -C "$root" -buildvcs=false -o "$work/devcluster" ./test/devcluster
}

# start_cluster N starts the KMS service on N nodes, with an etcd, and sources its exports. What becomes of the nodes is
# printed.
start_cluster() {
	doing="while starting the cluster"
	# shellcheck disable=SC2086 # nothing, where there is no setsid
	$new_group "$work/devcluster" -dir "$work/kms" -env "$work/kms.env" -logs "$work/logs" -nodes "$1" \
		-alicloudkms "$root/bin/alicloudkms" -etcd "$root/bin/test-etcd" </dev/null 2>>"$work/logs/kms.log" &
	kms_pid=$!
	leaders+=("$kms_pid")
	wait_until "$kms_pid" test -s "$work/kms.env"
	# shellcheck disable=SC1091 # written by the service
	. "$work/kms.env"
}

# start_vault starts Vault in its dev mode: in memory, unsealed, one root token. Its log has each call to KMS.
start_vault() {
	doing="while starting Vault"
	cat >"$work/vault.hcl" <<-EOF
		plugin_directory = "$work/plugins"
	EOF
	VAULT_TOKEN=demo-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
	export VAULT_TOKEN
	VAULT_LOG_LEVEL=debug VAULT_DEV_ROOT_TOKEN_ID=$VAULT_TOKEN start_server vault \
		vault server -dev -dev-no-store-token -dev-listen-address=127.0.0.1:0 -config="$work/vault.hcl"
	vault_pid=$started
	wait_until "$vault_pid" vault_port
	VAULT_ADDR=http://127.0.0.1:$(vault_port)
	export VAULT_ADDR
	wait_until "$vault_pid" vault token lookup
}

# vault_port prints the port that Vault listens on. Its banner shows the configured address, which ends in 0; only the
# cluster address next to it is derived from the real port: it is that port plus one.
vault_port() {
	local cluster
	cluster=$(sed -n 's/.*cluster address: "127\.0\.0\.1:\([0-9]*\)".*/\1/p' "$work/logs/vault.log")
	[[ -n $cluster ]] && echo $((cluster - 1))
}

plugin_sha256() {
	{ sha256sum "$work/plugins/$plugin" 2>/dev/null || shasum -a 256 "$work/plugins/$plugin"; } | awk '{ print $1 }'
}

# stop_server PID sends SIGTERM to a server, waits at most ten seconds, and then kills what is left of its group.
stop_server() {
	local tries
	if is_running "$1"; then
		kill -TERM "$1" 2>/dev/null || true
		for ((tries = 0; tries < 100; tries++)); do
			is_running "$1" || break
			sleep 0.1
		done
	fi
	if is_running "$1"; then
		kill -KILL "$1" 2>/dev/null || true
	fi
	kill -KILL -- "-$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}

# is_running PID consults the shell's own table of children, so that a reused process id can't mislead it.
is_running() {
	local pid
	for pid in $(jobs -pr); do
		[[ $pid != "$1" ]] || return 0
	done
	return 1
}

# close_stage runs however the script ends. It leaves nothing behind, except the logs after a failure.
close_stage() {
	local status=$? pid
	trap '' HUP INT TERM
	set +e
	"$before_close"
	# A signal may have come before a server's id was recorded; bash itself knows all of them.
	for pid in $vault_pid $kms_pid $(jobs -pr) ${leaders[@]+"${leaders[@]}"}; do
		stop_server "$pid"
	done
	if [[ $status == 0 || -n $interrupted ]]; then
		rm -rf ${work:+"$work"}
		return
	fi
	echo "FAILED $doing" >&2
	if [[ -n $work ]]; then
		find "$work" -mindepth 1 -maxdepth 1 ! -name logs -exec rm -rf {} +
		echo "the logs are in $work/logs" >&2
	fi
}
