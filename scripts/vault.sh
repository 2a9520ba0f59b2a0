#!/usr/bin/env bash
# Prints the path of the Vault to use: $VAULT_BIN, else vault on the PATH, else bin/vault, built first if it does not
# exist.
set -euo pipefail
unset CDPATH # with it, cd prints the new folder

if [[ -n ${VAULT_BIN:-} ]]; then
	found=$(type -P "$VAULT_BIN") || {
		echo "VAULT_BIN is '$VAULT_BIN', which is not a program" >&2
		exit 1
	}
elif ! found=$(type -P vault); then
	root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
	found=$root/bin/vault
	make --no-print-directory -C "$root" bin/vault >&2
fi
# Absolute, since the caller may work in another folder.
echo "$(cd "$(dirname "$found")" && pwd)/$(basename "$found")"
