# Runs a long job in phases, and prints the time of each. It is sourced, after `set -euo pipefail`.
#
# A phase that passes ends with the line `phase NAME: passed in N s`, which .ci/check.sh looks for. At the end there is
# a table of all phases, and the first failure ends the job with its exit status.
#
# shellcheck shell=bash

phases=()
# What runs now, and since when.
phase=
phase_began=0
trap finish EXIT

# run_phase NAME COMMAND... runs one phase. A shell function among the commands must check each step with `|| return`,
# since bash turns `set -e` off in it.
run_phase() {
	local status=0
	phase=$1
	phase_began=$SECONDS
	shift
	printf '\nphase %s: %s\n' "$phase" "$*"
	"$@" || status=$?
	[[ $status == 0 ]] || exit "$status"
	close_phase 'passed in'
}

# close_phase RESULT records how the running phase ended.
close_phase() {
	local took=$((SECONDS - phase_began))
	printf 'phase %s: %s %d s\n' "$phase" "$1" "$took"
	phases+=("$(printf '  %-10s %5d s  %s' "$phase" "$took" "${1% *}")")
	phase=
}

# finish prints the table, however the job ends.
finish() {
	local status=$? failed=$phase
	[[ -z $phase ]] || close_phase 'FAILED after'
	printf '\n'
	printf '%s\n' ${phases[@]+"${phases[@]}"} "$(printf '  %-10s %5d s' total "$SECONDS")"
	[[ -z $failed ]] || echo "phase $failed FAILED" >&2
	exit "$status"
}
