#!/usr/bin/env bash
# Checks the log of make test: .ci/check.sh LOG. Each phase must have passed, each phase with Go tests must have run
# some, and no test may have been skipped that is not in .ci/skips.
set -euo pipefail
unset CDPATH # with it, cd prints the new folder
log=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

fail() {
	echo "CI: $1" >&2
	exit 1
}

# section prints what a phase has printed.
section() { sed -n "/^phase $1: /,/^phase $1: passed in/p" "$log"; }

for phase in lint prepare unit sdk clients bench openapi kubernetes page monitoring node cluster release e2e; do
	grep -q "^phase $phase: passed in [0-9]* s\$" "$log" || fail "no line says that phase $phase has passed"
done
for phase in unit sdk clients bench openapi kubernetes page monitoring cluster release e2e; do
	# scripts/gotest.sh ends like this. A phase that ran go test itself would not report the tests that were skipped.
	section "$phase" | grep '^DONE [1-9]' >/dev/null || fail "no line says how many tests phase $phase has run"
done
grep -q '^    --- PASS: TestMainJob/vault' "$log" || fail "the end-to-end tests did not run on a real Vault"
for proof in '^ok.*/test/sdk' '^ok.*/test/clients' '^ok.*/test/kubernetes' '^ok.*/test/page' '^ok.*/test/monitoring' \
	'^ok.*/test/cluster' '^ok.*/scripts/release' '^ℹ pass [1-9]' '^ℹ skipped 0$'; do
	grep -q "$proof" "$log" || fail "not all tests of SDKs and clients ran: no line '$proof'"
done

allowed=$(sed -n 's/^\(Test[^ ]*\) .*/\1/p' "$here/skips")
skipped=$(sed -nE -e 's/^=== SKIP: [^ ]* (.*) \([0-9.]*s\)$/\1/p' -e 's/^ *--- SKIP: (.*) \([0-9.]*s\)$/\1/p' "$log" |
	sort -u)
if bad=$(grep -vxF "$allowed" <<<"$skipped" | grep .); then
	fail "tests were skipped that are not in .ci/skips:"$'\n'"$bad"
fi
