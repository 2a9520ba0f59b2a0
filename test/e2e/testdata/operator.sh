# The first days of an operator, in the order of the docs: docs/alicloudkms-init.md, kms-operations.md, policies.md,
# audit.md and alicloudkms-rekey.md. Every command must work at the first try, except those that must be refused.

refused() { # STATUS PART COMMAND...
	local status=0
	"${@:3}" >refusal 2>&1 || status=$?
	if [[ $status != "$1" ]] || ! grep -qF -- "$2" refusal; then
		echo "expected status $1 and '$2' of: ${*:3}" >&2
		cat refusal >&2
		return 1
	fi
}

start() {
	alicloudkms server -config kms/server.hcl 2>>service.log &
	pid=$!
	for _ in $(seq 1200); do
		[ -S kms/kms.db.sock ] && return
		sleep 0.1
	done
	cat service.log >&2
	return 1
}

stop() { kill "$pid" && wait "$pid"; }

# 1. A service, and a look into it without Vault.
alicloudkms init -listen 127.0.0.1:8443 kms
refused 1 'is not empty' alicloudkms init -listen 127.0.0.1:8443 kms
alicloudkms server -config kms/server.hcl -check
start
refused 2 'did you mean ListKeys' alicloudkms call ListKey -env kms/admin.env
alicloudkms call ListKeys -env kms/admin.env

# 2. The engine gets an access key of its own, by a reload.
(umask 077 && openssl rand -base64 24 >kms/vault.secret)
sed -i 's|^account .*|&\n  access_key "LTAIvault" { secret_file = "vault.secret" }|' kms/server.hcl
alicloudkms reload -config kms/server.hcl | grep -F 'access_key "LTAIvault": added'
vault write alicloudkms/config region=cn-hangzhou endpoint=127.0.0.1:8443 ca_cert=@kms/ca.pem \
	access_key=LTAIvault secret_key=@kms/vault.secret

# 3. Two teams, each with its key.
for team in payroll search; do
	vault write -f "alicloudkms/keys/$team"
	vault policy write "$team-app" - <<-POLICY
		path "alicloudkms/encrypt/$team" { capabilities = ["update"] }
		path "alicloudkms/decrypt/$team" { capabilities = ["update"] }
	POLICY
done
payroll=$(vault token create -policy=payroll-app -field=token)
search=$(vault token create -policy=search-app -field=token)
plaintext=$(printf %s 'the salary is 1815' | base64)
ciphertext=$(VAULT_TOKEN=$payroll vault write -field=ciphertext alicloudkms/encrypt/payroll plaintext="$plaintext")
decrypts() {
	local answer
	answer=$(VAULT_TOKEN=$payroll vault write -field=plaintext alicloudkms/decrypt/payroll ciphertext="$ciphertext") &&
		[[ $answer == "$plaintext" ]]
}
decrypts
VAULT_TOKEN=$search refused 2 'permission denied' vault write alicloudkms/decrypt/payroll ciphertext="$ciphertext"
VAULT_TOKEN=$search refused 2 'was not made by this key' vault write alicloudkms/decrypt/search ciphertext="$ciphertext"

# 4. The engine's access key is rotated: the new one is added and used, and the old one is refused. Everybody may read
# the first file of the new secret, and nothing changes until that is put right.
(umask 022 && openssl rand -base64 24 >kms/vault2.secret)
sed -i 's|^account .*|&\n  access_key "LTAIvault2" { secret_file = "vault2.secret" }|' kms/server.hcl
refused 1 'vault2.secret has mode 0644' alicloudkms reload -config kms/server.hcl
refused 1 'run: chmod 600 kms/vault2.secret' alicloudkms server -config kms/server.hcl -check
chmod 600 kms/vault2.secret
alicloudkms reload -config kms/server.hcl | grep -F 'access_key "LTAIvault2": added'
vault write alicloudkms/config access_key=LTAIvault2 secret_key=@kms/vault2.secret
sed -i 's|secret_file = "vault.secret"|secret_file = "vault.secret"\n    inactive = true\n  |; s|access_key "LTAIvault" {|&\n    |' \
	kms/server.hcl
alicloudkms reload -config kms/server.hcl | grep -F 'access_key "LTAIvault": made inactive'
decrypts
ALICLOUD_DOMAIN=127.0.0.1:8443 ALICLOUD_ACCESS_KEY=LTAIvault ALICLOUD_SECRET_KEY=$(cat kms/vault.secret) \
	SSL_CERT_FILE=kms/ca.pem refused 1 'Forbidden.AccessKey' alicloudkms call ListKeys

# 5. A backup while it runs, a loss, and a restore. The store as it was is kept.
refused 1 'stop the service, or check a backup' alicloudkms check -config kms/server.hcl
alicloudkms backup -config kms/server.hcl -to backup.db
alicloudkms check -config kms/server.hcl -store backup.db
vault write -f alicloudkms/keys/later
refused 1 'stop the service first' alicloudkms restore -config kms/server.hcl -from backup.db -force
stop
alicloudkms restore -config kms/server.hcl -from backup.db -force
start
decrypts
refused 2 'Forbidden.KeyNotFound' vault write -f alicloudkms/encrypt/later plaintext="$plaintext"

# 6. A new root key, and a new certificate.
stop
(umask 077 && openssl rand -base64 32 >new-root.key)
alicloudkms rekey -config kms/server.hcl -new-root-key new-root.key
refused 1 'from before its rekey' alicloudkms server -config kms/server.hcl
mv kms/root.key kms/root.key.replaced-1
mv new-root.key kms/root.key
alicloudkms check -config kms/server.hcl
start
decrypts
alicloudkms init -renew kms
alicloudkms reload -config kms/server.hcl | grep -F 'new certificate'
decrypts

# 7. Who used the key?
key=$(vault read -field=key_id alicloudkms/keys/payroll)
grep '"operation":"Decrypt"' kms/audit.log | grep "\"key_id\":\"$key\"" > of-payroll
grep -q '"access_key_id":"LTAIvault2"' of-payroll
stop
