#!/usr/bin/env bash
# Runs every fuzz target of the module for $FUZZTIME. Go can fuzz only one target of one package at a time.
set -euo pipefail
unset CDPATH # with it, cd prints the new folder
cd "$(dirname "${BASH_SOURCE[0]}")/.."

found=0
for package in $(go list ./...); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		found=$((found + 1))
		echo "fuzz: $package $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-30s}" "$package"
	done
done
echo "fuzz: $found targets, each for ${FUZZTIME:-30s}"
