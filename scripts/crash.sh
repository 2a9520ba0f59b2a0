#!/usr/bin/env bash
# Kills the KMS service under load, $ROUNDS times (200), and checks after each kill that nothing acknowledged is lost.
# With CLUSTER=3, the service is three nodes on an etcd of three members, and a round is any fault of them or of the
# network between them. SEED repeats the random choices of an earlier run, which printed it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case ${CLUSTER:-1} in
1) exec go test -count=1 -v -timeout 2h ./test/crash -args -rounds "${ROUNDS:-200}" -seed "${SEED:-0}" ;;
3)
	VAULT_BIN=$(scripts/vault.sh)
	export VAULT_BIN
	go test -C test/cluster -count=1 -v -timeout 1h -run '^TestTakeoverIsInTime$' . -args -takeovers 20
	exec go test -C test/cluster -count=1 -v -parallel 2 -timeout 2h . -args \
		-rounds "${ROUNDS:-200}" -seed "${SEED:-0}"
	;;
*)
	echo "crash: CLUSTER is 1 or 3, not '$CLUSTER'" >&2
	exit 2
	;;
esac
