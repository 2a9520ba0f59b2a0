package e2e

import "testing"

// TestFilesOutliveTheirMount encrypts through Vault and without it, with tokens that allow no more, and decrypts the
// files of either way by the other one, and those that are left when the mount is gone.
func TestFilesOutliveTheirMount(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		s.runAgainst(t, `
vault secrets enable -path=team/files -plugin-version="$PLUGIN_VERSION" "$PLUGIN" > /dev/null
vault write team/files/config region="$ALICLOUD_REGION" endpoint="$ALICLOUD_DOMAIN" ca_cert=@"$SSL_CERT_FILE" \
    access_key="$ALICLOUD_ACCESS_KEY" secret_key="$ALICLOUD_SECRET_KEY"
vault write -f team/files/keys/backups
vault write team/files/keys/backups/config bound_context=app=backups
vault policy write files-writer - <<END
path "team/files/datakey/plaintext/backups" { capabilities = ["update"] }
END
vault policy write files-reader - <<END
path "team/files/decrypt/backups" { capabilities = ["update"] }
END
writer=$(vault token create -policy=files-writer -field=token)
reader=$(vault token create -policy=files-reader -field=token)
as() { VAULT_TOKEN="$1" BAO_TOKEN="$1" alicloudkms "${@:2}" -vault team/files/backups -encryption-context host=db1; }
alone() { alicloudkms "$@" -encryption-context host=db1 -bound-context app=backups; }
fails() { if "$@" 2> error; then echo "it succeeded: $*"; exit 1; fi; }

seq 500000 > plain
as "$writer" encrypt < plain > through.enc
fails as "$writer" decrypt -in through.enc -out nothing
grep "^alicloudkms: through.enc: Vault refused team/files/decrypt/backups (HTTP 403): " error
fails as "$reader" encrypt -in plain -out nothing
grep "^alicloudkms: Vault refused team/files/datakey/plaintext/backups (HTTP 403): " error
test ! -e nothing
key_id=$(vault read -field=key_id team/files/keys/backups)
alone encrypt -key "$key_id" -in plain -out alone.enc

as "$reader" decrypt -in through.enc | cmp - plain
as "$reader" decrypt -in alone.enc | cmp - plain
alone decrypt -key-id "$key_id" -in through.enc | cmp - plain
vault write -field=ciphertext team/files/encrypt/backups plaintext=aGVsbG8= encryption_context=host=db1 > hello
test "$(as "$reader" decrypt -in hello)" = hello

# The token of vault login will do, too.
vault login -no-print "$reader"
(unset VAULT_TOKEN BAO_TOKEN; alicloudkms decrypt -vault team/files/backups -encryption-context host=db1 -in alone.enc) | cmp - plain

vault secrets disable team/files > /dev/null
fails as "$reader" decrypt -in through.enc -out nothing
grep "^alicloudkms: through.enc: Vault refused team/files/decrypt/backups (HTTP 40[34]): " error
for file in through.enc alone.enc; do alone decrypt -key-id "$key_id" -in "$file" | cmp - plain; done
test "$(alone decrypt -key-id "$key_id" -in hello)" = hello
fails alicloudkms decrypt -in through.enc -out nothing
test ! -e nothing
`, "PLUGIN="+pluginName, "PLUGIN_VERSION="+stampedVersion)
	})
}

// TestCiphertextsOutliveTheirMount opens ciphertexts of the engine, in both modes and of several versions, when the
// mount and its storage are gone. First the key is registered again, in another mount, with one of its ciphertexts.
func TestCiphertextsOutliveTheirMount(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		s.runAgainst(t, `
enable() {
    vault secrets enable -path="$1" -plugin-version="$PLUGIN_VERSION" "$PLUGIN" > /dev/null
    vault write "$1/config" region="$ALICLOUD_REGION" endpoint="$ALICLOUD_DOMAIN" ca_cert=@"$SSL_CERT_FILE" \
        access_key="$ALICLOUD_ACCESS_KEY" secret_key="$ALICLOUD_SECRET_KEY"
}
row=$(printf %s "row 5" | base64)
record=$(printf %s "record" | base64)
fails() { if "$@" 2> error; then echo "it succeeded: $*"; exit 1; fi; }

# Each version encrypts: one of KMS, two data keys, one of another KMS key, and one of KMS again.
seal() {
    for size in $2; do
        head -c "$size" /dev/urandom > "plain$1.$size"
        base64 < "plain$1.$size" | tr -d '\n' > encoded
        vault write -field=ciphertext team/records/encrypt/records plaintext=@encoded context="$row" \
            associated_data="$record" encryption_context=host=db1 encryption_context=app=records > "sealed$1.$size"
        grep -q "^vault:v$1:" "sealed$1.$size"
    done
}
enable team/records
vault write team/records/keys/records derived=true
vault write team/records/keys/records/config bound_context=app=records
seal 1 6144
vault write team/records/keys/records/config encryption=envelope
seal 2 "0 1"
vault write -f team/records/keys/records/rotate
seal 3 0
vault write team/records/keys/records/rotate new_cmk=true
seal 4 "1 700000"
vault write team/records/keys/records/config encryption=direct
seal 5 1
id=$(vault read -field=envelope_id team/records/keys/records)
key_id=$(vault read -field=key_id team/records/keys/records)
all=$(vault read -format=json team/records/keys/records | jq -r '[.data.cmks[].key_id] | join(",")')
vault secrets disable team/records > /dev/null

# KMS and the ciphertexts are enough for another mount.
enable team/found
fails vault write team/found/keys/records/register key_id="$key_id" envelope_text=@sealed4.1 derived=true
grep "bound_context of the former key" error
vault write team/found/keys/records/register key_id="$key_id" previous_key_ids="${all%%,*}" envelope_text=@sealed4.1 \
    bound_context=app=records derived=true
test "$(vault read -field=envelope_id team/found/keys/records)" = "$id"
test "$(vault read -field=latest_version team/found/keys/records)" = 5
for sealed in sealed*; do
    vault write -field=plaintext team/found/decrypt/records ciphertext=@"$sealed" context="$row" associated_data="$record" \
        encryption_context=host=db1 | base64 -d | cmp - "plain${sealed#sealed}"
done
test "$(vault write -field=envelope_id -f team/found/keys/records/deregister)" = "$id"
vault secrets disable team/found > /dev/null

# And for the tool, without any.
decrypt() { alicloudkms decrypt -encryption-context host=db1 -context "$row" -associated-data "$record" "$@"; }
for sealed in sealed*; do
    decrypt -bound-context app=records -in "$sealed" 2> key | cmp - "plain${sealed#sealed}"
    grep -q "the KMS key is" key
    fails decrypt -bound-context app=other -in "$sealed" -out nothing
    fails decrypt -bound-context app=records -key-id 12345678-1234-1234-1234-123456789012 -in "$sealed" -out nothing
    fails alicloudkms decrypt -bound-context app=records -context "$row" -in "$sealed" -out nothing
    test ! -e nothing
done
decrypt -bound-context app=records -key-id "$key_id" -in sealed4.1 | cmp - plain4.1
`, "PLUGIN="+pluginName, "PLUGIN_VERSION="+stampedVersion)
	})
}
