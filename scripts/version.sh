#!/usr/bin/env bash
# Prints the version to build: the tag of the commit that is checked out, if nothing has been changed since; else the
# next version with -dev and the commit, so that no two different builds have the same version.
set -euo pipefail
unset CDPATH # with it, cd prints the new folder
cd "$(dirname "${BASH_SOURCE[0]}")/.."

next=v0.2.0

commit=$(git rev-parse --short=12 HEAD 2>/dev/null) || {
	echo "$next-dev" # An archive without its history.
	exit
}
changed=$(git status --porcelain)
if [[ -z $changed ]] && tag=$(git describe --exact-match --tags --match 'v[0-9]*' 2>/dev/null); then
	echo "$tag"
else
	echo "$next-dev+$commit${changed:+.changed}"
fi
