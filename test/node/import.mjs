// Importing key material.
import assert from 'node:assert/strict';
import { constants, createCipheriv, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';

import { describeKey, everyDialect, near, newKey, now, refused } from './scenario.mjs';

const paddings = {
  RSAES_PKCS1_V1_5: { padding: constants.RSA_PKCS1_PADDING },
  RSAES_OAEP_SHA_1: { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
  RSAES_OAEP_SHA_256: { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
};

// wrap encrypts key material by one of the algorithms. A private key, in PKCS#8, goes under an AES key of its own.
function wrap(algorithm, key, material) {
  if (paddings[algorithm]) return publicEncrypt({ key, ...paddings[algorithm] }, material);
  const ephemeral = randomBytes(32);
  const cipher = createCipheriv('aes-256-ecb', ephemeral, null);
  return Buffer.concat([
    publicEncrypt({ key, ...paddings.RSAES_OAEP_SHA_256 }, ephemeral), cipher.update(material), cipher.final(),
  ]);
}

// wrapping gets a wrapping key and its token, which are valid for more than one import, and returns a function that
// makes the parameters of an import.
export async function wrapping(call, KeyId, WrappingAlgorithm) {
  const given = await call('GetParametersForImport', { KeyId, WrappingAlgorithm, WrappingKeySpec: 'RSA_2048' });
  assert.equal(given.KeyId, KeyId);
  near(given.TokenExpireTime, now() + 24 * 3600);
  const key = createPublicKey({ key: Buffer.from(given.PublicKey, 'base64'), format: 'der', type: 'spki' });
  return (material) => ({
    KeyId, ImportToken: given.ImportToken,
    EncryptedKeyMaterial: wrap(WrappingAlgorithm, key, material).toString('base64'),
  });
}

everyDialect('key material is imported with every algorithm', async (call) => {
  const { KeyId, KeyState } = await newKey(call, { Origin: 'EXTERNAL' });
  assert.equal(KeyState, 'PendingImport');
  await refused(call('Encrypt', { KeyId, Plaintext: 'text' }), 409, 'Rejected.PendingImport');
  const material = randomBytes(32);
  const blobs = [];
  let parameters;
  for (const algorithm of Object.keys(paddings)) {
    const KeyMaterialExpireUnix = Math.floor(now()) + 3600;
    parameters = await wrapping(call, KeyId, algorithm);
    await call('ImportKeyMaterial', { ...parameters(material), KeyMaterialExpireUnix });
    const imported = await describeKey(call, KeyId);
    assert.equal(imported.KeyState, 'Enabled');
    assert.equal(Date.parse(imported.MaterialExpireTime), KeyMaterialExpireUnix * 1000);
    blobs.push((await call('Encrypt', { KeyId, Plaintext: algorithm })).CiphertextBlob);
    const opened = await Promise.all(blobs.map((CiphertextBlob) => call('Decrypt', { CiphertextBlob })));
    assert.deepEqual(opened.map((answer) => answer.Plaintext), Object.keys(paddings).slice(0, blobs.length));

    await call('DeleteKeyMaterial', { KeyId });
    assert.equal((await describeKey(call, KeyId)).KeyState, 'PendingImport');
    await refused(call('Decrypt', { CiphertextBlob: blobs[0] }), 409, 'Rejected.PendingImport');
  }
  await refused(call('ImportKeyMaterial', parameters(randomBytes(32))), 400, 'InvalidKeyMaterial');
});

everyDialect('bad imports are refused', async (call) => {
  const { KeyId } = await newKey(call, { Origin: 'EXTERNAL' });
  const other = await newKey(call, { Origin: 'EXTERNAL' });
  const parameters = await wrapping(call, KeyId, 'RSAES_OAEP_SHA_1');
  const good = parameters(randomBytes(32));
  await refused(call('ImportKeyMaterial', { ...good, KeyId: other.KeyId }), 400, 'InvalidImportToken');
  await refused(call('ImportKeyMaterial', { ...good, ImportToken: 'bm9uZQ==' }), 400, 'InvalidImportToken');
  await refused(call('ImportKeyMaterial', { ...good, EncryptedKeyMaterial: randomBytes(256).toString('base64') }), 400,
    'InvalidKeyMaterial');
  await refused(call('ImportKeyMaterial', parameters(randomBytes(31))), 400, 'InvalidKeyMaterial');
  assert.equal((await describeKey(call, KeyId)).KeyState, 'PendingImport', 'a refused request changes nothing');
  const ours = await newKey(call);
  const unsuitable = { KeyId: ours.KeyId, WrappingAlgorithm: 'RSAES_OAEP_SHA_1', WrappingKeySpec: 'RSA_2048' };
  await refused(call('GetParametersForImport', unsuitable), 400, 'Unsupported.Origin');
});
