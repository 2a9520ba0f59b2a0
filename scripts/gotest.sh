#!/usr/bin/env bash
# Runs go test with the given arguments, and names the tests that were skipped at the end, with their reasons: without
# -v, go test does not mention them. The script .ci/check.sh reads those lines. Otherwise it prints what go test prints.
# Unless -timeout is among the arguments, a package has 40 minutes: go test's 10 are too few for a busy machine.
set -euo pipefail
unset CDPATH # with it, cd prints the new folder
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")/../test/tools" && pwd)/go.mod

# -C must be the first flag of the command, and -json must come before the packages.
folder=()
if [[ ${1:-} == -C ]]; then
	folder=(-C "$2")
	shift 2
fi
format=standard-quiet
limit=-timeout=40m
for argument; do
	case $argument in
	-args) break ;;
	-v) format=standard-verbose ;;
	-timeout | -timeout=*) limit= ;;
	esac
done
exec go tool -modfile="$tools" gotestsum --no-color --format "$format" --raw-command -- \
	go test ${folder[@]+"${folder[@]}"} -json ${limit:+"$limit"} "$@"
