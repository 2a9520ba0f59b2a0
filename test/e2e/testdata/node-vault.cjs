// node-vault's own functions for transit, which have its path built in and send the name of the key as a field, too.
const assert = require('node:assert/strict');
const vault = require('node-vault')(); // with VAULT_ADDR and VAULT_TOKEN

async function main() {
  const name = 'payroll';
  const plaintext = Buffer.from('hello').toString('base64');
  await vault.transitCreateKey({ name, type: 'aes256-gcm96' });
  assert.deepEqual((await vault.transitListKeys()).data.keys, [name]);
  assert.equal((await vault.transitReadKey({ name })).data.latest_version, 1);

  const encrypted = await vault.encryptData({ name, plaintext });
  const { ciphertext } = (await vault.rewrapData({ name, ciphertext: encrypted.data.ciphertext })).data;
  assert.match(ciphertext, /^vault:v1:/);
  assert.equal((await vault.decryptData({ name, ciphertext })).data.plaintext, plaintext);
  const results = (await vault.encryptData({ name, batch_input: [{ plaintext }, { plaintext }] })).data.batch_results;
  assert.equal(results.length, 2);

  await vault.write(`transit/keys/${name}/config`, { deletion_allowed: true });
  await vault.transitDeleteKey({ name });
  await assert.rejects(vault.encryptData({ name, plaintext }), (error) => error.response.statusCode === 409);
  console.log('done');
}

main();
