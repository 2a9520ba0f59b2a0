#!/usr/bin/env bash
# The main job from start to finish: each vault command is printed, run as printed, and its answer is checked. The
# script exits with 1 at the first answer that is not as expected. Start it with `make demo`.
set -euo pipefail
unset CDPATH # with it, cd prints the new folder
# shellcheck source=scripts/stage.sh
. "$(dirname "${BASH_SOURCE[0]}")/stage.sh"

bold='' dim='' plain='' message=''
if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
	bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
fi
steps=0
checks=0

# step TITLE begins a step.
step() {
	steps=$((steps + 1))
	doing="at step $steps: $1"
	printf '\n%s%d. %s%s\n' "$bold" "$steps" "$1" "$plain"
}

# run COMMAND prints a command, runs it and prints its output, which it leaves in $answer, with the exit status in
# $status. The command is one string in single quotes, so that secrets are printed as the names of their variables.
run() {
	printf '%s$ %s%s\n' "$dim" "$1" "$plain"
	status=0
	eval "$1" >"$work/answer" 2>&1 || status=$?
	answer=$(<"$work/answer")
	if [[ -n $answer ]]; then
		printf '%s\n' "$answer" | sed 's/^/  /'
	fi
}

# check WHAT COMMAND... ends the demo if the command fails. WHAT says what should be true.
check() {
	local what=$1
	shift
	if ! "$@"; then
		echo "expected: $what" >&2
		exit 1
	fi
	checks=$((checks + 1))
}

# works COMMAND runs a command that must succeed.
works() {
	run "$1"
	check "success" test "$status" = 0
}

# refused STATUS PART COMMAND runs a command that Vault must refuse with that HTTP status and a message that contains
# PART.
refused() {
	run "$3"
	check "a refusal" test "$status" != 0
	check "HTTP status $1" grep -q "Code: $1\." "$work/answer"
	check "a message with '$2'" grep -qF "$2" "$work/answer"
	echo "  (as expected: $1)"
}

# shellcheck disable=SC2016,SC2034 # commands are printed as written here, and use variables that other functions set
mount_engine() {
	step "Register the plugin by checksum and version, and mount it"
	works 'sha256=$(awk '"'"'$2 == "vault-plugin-secrets-alicloudkms" { print $1 }'"'"' bin/SHA256SUMS)'
	works 'vault plugin register -sha256="$sha256" -version='"$VERSION"' \
    secret vault-plugin-secrets-alicloudkms'
	works 'vault secrets enable -path=alicloudkms -plugin-version='"$VERSION"' \
    vault-plugin-secrets-alicloudkms'
	works 'vault read -field=running_plugin_version sys/mounts/alicloudkms'
	check "the version that was built runs" test "$answer" = "$VERSION"

	step "Configure the engine: the endpoint of KMS and our credentials there"
	works 'vault write alicloudkms/config region="$ALICLOUD_REGION" \
    endpoint="$ALICLOUD_DOMAIN" ca_cert=@"$SSL_CERT_FILE" \
    access_key="$ALICLOUD_ACCESS_KEY" secret_key="$ALICLOUD_SECRET_KEY"'
	works 'vault read alicloudkms/config'
	check "the secret is not shown" lacks "$ALICLOUD_SECRET_KEY"
}

lacks() { ! grep -qF "$1" "$work/answer"; }

# shellcheck disable=SC2016,SC2034
use_key() {
	step "Create a key: its material is generated in KMS and never leaves it"
	works 'vault write -f alicloudkms/keys/payroll'

	step "Encrypt"
	works 'message="the salary is 1815"'
	works 'ciphertext=$(vault write -field=ciphertext alicloudkms/encrypt/payroll \
    plaintext="$(printf %s "$message" | base64)") && echo "$ciphertext"'
	check "a ciphertext that begins with vault:v1:" test "${ciphertext#vault:v1:}" != "$ciphertext"

	step "Decrypt"
	works 'vault write -field=plaintext alicloudkms/decrypt/payroll \
    ciphertext="$ciphertext" | base64 -d && echo'
	check "the message that was encrypted" test "$answer" = "$message"

	step "Generate a data key, for data too large for KMS: use it, store only its wrapped form"
	works 'generated=$(vault write -f alicloudkms/datakey/plaintext/payroll) && echo "$generated"'
	data_key=$(awk '$1 == "plaintext" { print $2 }' "$work/answer")
	works 'wrapped=$(echo "$generated" | sed -n "s/^ciphertext *//p")'
	check "32 bytes" test "$(printf %s "$data_key" | base64 -d | wc -c)" -eq 32
	works 'vault write -field=plaintext alicloudkms/decrypt/payroll ciphertext="$wrapped"'
	check "the wrapped form decrypts to the same data key" test "$answer" = "$data_key"
}

# shellcheck disable=SC2016,SC2034
use_batch_and_import() {
	step "Encrypt many records in one request, each bound to its own employee"
	works 'vault write -format=json alicloudkms/encrypt/payroll batch_input='"'"'[
    {"plaintext":"MTgxNQ==","encryption_context":{"employee":"4711"},"reference":"4711"},
    {"plaintext":"MTg2Ng==","encryption_context":{"employee":"4712"},"reference":"4712"}]'"'"
	check "two ciphertexts" test "$(grep -c '"ciphertext": "vault:v1:' "$work/answer")" = 2

	step "Import a key of your own, with Vault's stock command for transit"
	works 'material=$(mktemp) && head -c 32 /dev/urandom | base64 >"$material"'
	works 'vault transit import alicloudkms/keys/brought @"$material"'
	works 'vault read -field=origin alicloudkms/keys/brought && echo'
	check "the material came from outside" test "$answer" = EXTERNAL
}

# shellcheck disable=SC2016,SC2034
use_instance() {
	step "Keep a key in a KMS instance, and encrypt over the instance's own gateway"
	works 'vault write alicloudkms/config secret_key="$ALICLOUD_SECRET_KEY" \
    kms_instance_id="$ALICLOUD_KMS_INSTANCE_ID" gateway=dedicated \
    instance_endpoint="$ALICLOUD_KMS_INSTANCE_ENDPOINT" instance_ca_cert=@"$ALICLOUD_KMS_INSTANCE_CA"'
	works 'vault write -f alicloudkms/keys/taxes'
	works 'vault read -field=kms_instance_id alicloudkms/keys/taxes && echo'
	check "the key is in the instance" test "$answer" = "$ALICLOUD_KMS_INSTANCE_ID"
	works 'instance_ciphertext=$(vault write -field=ciphertext alicloudkms/encrypt/taxes \
    plaintext="$(printf %s "$message" | base64)") && echo "$instance_ciphertext"'
	works 'vault write -field=plaintext alicloudkms/decrypt/taxes \
    ciphertext="$instance_ciphertext" | base64 -d && echo'
	check "the message that was encrypted" test "$answer" = "$message"
	works 'tail -n 2 "$(dirname "$SSL_CERT_FILE")/audit.log"'
	check "both requests at the instance's gateway, in the audit log of KMS" \
		test "$(grep -c "\"gateway\":\"$ALICLOUD_KMS_INSTANCE_ID\"" "$work/answer")" = 2
}

# shellcheck disable=SC2016,SC2034
confine_team() {
	step "Give an app team a token that may encrypt, and nothing else"
	works 'vault policy write payroll-writer - <<EOF
path "alicloudkms/encrypt/payroll" { capabilities = ["update"] }
EOF'
	works 'APP_TOKEN=$(vault token create -policy=payroll-writer -field=token)'
	works 'VAULT_TOKEN=$APP_TOKEN vault write -field=ciphertext alicloudkms/encrypt/payroll \
    plaintext="$(printf %s "$message" | base64)"'
	refused 403 "permission denied" 'VAULT_TOKEN=$APP_TOKEN vault write alicloudkms/decrypt/payroll \
    ciphertext="$ciphertext"'
}

# shellcheck disable=SC2016
disable_and_enable() {
	step "Disable the key: KMS itself refuses to use it"
	works 'vault write -f alicloudkms/keys/payroll/disable'
	refused 409 "Rejected.Disabled" 'vault write alicloudkms/encrypt/payroll \
    plaintext="$(printf %s "$message" | base64)"'

	step "Enable it again"
	works 'vault write -f alicloudkms/keys/payroll/enable'
	works 'vault write -field=ciphertext alicloudkms/encrypt/payroll \
    plaintext="$(printf %s "$message" | base64)"'
}

# shellcheck disable=SC2016
restart_kms() {
	step "Restart the KMS service: earlier ciphertexts still decrypt"
	stop_server "$kms_pid"
	start_kms "$ALICLOUD_DOMAIN"
	doing="at step $steps, after the restart"
	works 'vault write -field=plaintext alicloudkms/decrypt/payroll \
    ciphertext="$ciphertext" | base64 -d && echo'
	check "the message that was encrypted" test "$answer" = "$message"
}

open_stage
doing="while starting the servers"
start_vault
start_kms 127.0.0.1:0
echo "Vault ($(vault version)) is at $VAULT_ADDR, the KMS service at https://$ALICLOUD_DOMAIN"

mount_engine
use_key
use_batch_and_import
use_instance
confine_team
disable_and_enable
restart_kms

cat <<-EOF

	${bold}All $steps steps succeeded; $checks answers were checked.${plain}
	  - a key made in KMS encrypted and decrypted under Vault's policies
	  - a data key was decrypted again from its wrapped form
	  - a batch was encrypted in one request, and a key of your own was imported with Vault's own client
	  - a key of a KMS instance encrypted and decrypted over the instance's own gateway
	  - the app team's token could encrypt, and got 403 on decrypt
	  - the disabled key was refused with KMS's own code and 409, and worked again once enabled
	  - a ciphertext from before the restart of the KMS service decrypted after it
	The servers are stopped and their data is gone. \`make dev\` starts the same setup for you to use.
EOF
