package e2e

import "testing"

// TestFilesOutliveTheirMount encrypts through Vault and without it, with tokens that may do just that, and decrypts
// what either way has made by the other one, and what is left when the mount is gone.
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
