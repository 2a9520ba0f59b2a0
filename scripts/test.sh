#!/usr/bin/env bash
# Runs every check that a commit needs, in phases: format and vet, unit tests with the race detector, Alibaba Cloud's
# own SDKs against the KMS service, transit's clients against the engine, the published OpenAPI, Kubernetes' API server
# against the KMS provider, the page of the KMS service in a real browser, dashboards and alerts in a real Prometheus,
# three nodes of the service that lose everything they can lose, the files of a release, and the end-to-end tests on a
# real Vault. The latter are last and verbose, so that the output shows that they ran, and never from the test cache.
# .ci/check.sh has the names of the phases too, and checks their output.
set -euo pipefail
unset CDPATH # with it, cd prints the new folder
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/phases.sh
. scripts/phases.sh

# The race detector lets each process sleep a second at its end, in which goroutines that are left can still race.
# Hundreds of processes end during the tests, and most of the time a test waits for that: 50 ms must do.
export GORACE=atexit_sleep_ms=50

# prepare finds or installs what the tests need.
prepare() {
	scripts/compiler.sh || return
	scripts/programs.sh || return
	scripts/etcd.sh || return
	scripts/etcd.sh ctl || return
	scripts/prometheus.sh >/dev/null || return
	VAULT_BIN=$(scripts/vault.sh) || return
	export VAULT_BIN CGO_ENABLED=1
	# With this, a test that lacks Vault, or anything else of the machine, fails instead of being skipped.
	export ALICLOUDKMS_REQUIRE_VAULT=1
	echo "end-to-end tests use $VAULT_BIN: $("$VAULT_BIN" version)"
}

unit_tests() {
	local packages processors
	packages=$(go list ./... | grep -v '/test/e2e$') || return
	processors=$(getconf _NPROCESSORS_ONLN) || return
	# Two packages more than Go would run at once: some wait for servers and for timeouts.
	# shellcheck disable=SC2086 # one word per package
	scripts/gotest.sh -race -p $((processors + 2)) $packages
}

# bench_tests tests what make bench measures with; measuring takes minutes.
bench_tests() {
	scripts/gotest.sh -C test/bench -race ./contest && scripts/gotest.sh -C test/bench .
}

run_phase lint make --no-print-directory lint
run_phase prepare prepare
run_phase unit unit_tests
run_phase sdk scripts/sdk.sh
run_phase clients scripts/clients.sh
run_phase bench bench_tests
run_phase openapi scripts/gotest.sh -C test/openapi -count=1 .
run_phase kubernetes scripts/gotest.sh -C test/kubernetes -count=1 .
run_phase page scripts/gotest.sh -C test/page -count=1 .
run_phase monitoring scripts/monitoring.sh
run_phase node scripts/node.sh
run_phase cluster scripts/cluster.sh
run_phase release scripts/gotest.sh -C scripts/release -v -count=1 .
# Tests that run in parallel wait for their servers most of the time.
run_phase e2e scripts/gotest.sh -race -v -count=1 -parallel 4 -timeout 60m ./test/e2e
