// Asymmetric keys, with node:crypto, which is OpenSSL, at the other end: each verifies what the other has signed, and
// decrypts what the other has encrypted; and private keys that it has made are imported.
import assert from 'node:assert/strict';
import {
  constants, createHash, createPublicKey, generateKeyPairSync, privateDecrypt, publicEncrypt, sign, verify,
} from 'node:crypto';

import { wrapping } from './import.mjs';
import { everyDialect, everyDialectOfToday, newKey, pages, refused } from './scenario.mjs';

const message = Buffer.from('this is message \r\n');
const Digest = createHash('sha256').update(message).digest('base64');
const plaintext = Buffer.from('Hello world');

// Making an RSA key takes long, so all dialects import the same ones.
const pairs = {
  RSA_2048: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  RSA_3072: generateKeyPairSync('rsa', { modulusLength: 3072 }),
  RSA_4096: generateKeyPairSync('rsa', { modulusLength: 4096 }),
  EC_P256: generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
  EC_P256K: generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
};

const rsaSignatures = {
  RSA_PSS_SHA_256: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
  RSA_PKCS1_SHA_256: { padding: constants.RSA_PKCS1_PADDING },
};
const ecSignatures = { ECDSA_SHA_256: { dsaEncoding: 'der' } };
const signatures = (KeySpec) => Object.entries(KeySpec.startsWith('RSA') ? rsaSignatures : ecSignatures);

const encryptions = {
  RSAES_OAEP_SHA_256: { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
  RSAES_OAEP_SHA_1: { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
};

// of returns what names the only version of a key.
async function of(call, KeyId) {
  const [{ KeyVersionId }] = await pages(call, 'ListKeyVersions', (page) => page.KeyVersions.KeyVersion, { KeyId });
  return { KeyId, KeyVersionId };
}

const inPKCS8 = (privateKey) => privateKey.export({ type: 'pkcs8', format: 'der' });

// imported imports the key pair of a KeySpec.
async function imported(call, KeySpec, KeyUsage) {
  const { KeyId } = await newKey(call, { KeySpec, KeyUsage, Origin: 'EXTERNAL' });
  const version = await of(call, KeyId);
  await refused(call('GetPublicKey', version), 409, 'Rejected.PendingImport');
  const parameters = await wrapping(call, KeyId, 'RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD');
  const { privateKey, publicKey } = pairs[KeySpec];
  await call('ImportKeyMaterial', parameters(inPKCS8(privateKey)));
  const { PublicKey } = await call('GetPublicKey', version);
  assert.equal(PublicKey, publicKey.export({ type: 'spki', format: 'pem' }));
  return { version, privateKey, publicKey, parameters };
}

for (const KeySpec of Object.keys(pairs)) {
  everyDialect(`an imported ${KeySpec} key signs`, async (call) => {
    const { version, privateKey, publicKey, parameters } = await imported(call, KeySpec, 'SIGN/VERIFY');
    for (const [Algorithm, options] of signatures(KeySpec)) {
      const signed = await call('AsymmetricSign', { ...version, Algorithm, Digest });
      assert.deepEqual([signed.KeyId, signed.KeyVersionId], [version.KeyId, version.KeyVersionId]);
      assert(verify('sha256', message, { key: publicKey, ...options }, Buffer.from(signed.Value, 'base64')));
      const own = sign('sha256', message, { key: privateKey, ...options });
      for (const [value, want] of [[own, true], [own.subarray(1), false], [Buffer.alloc(256), false]]) {
        const Value = value.toString('base64');
        assert.equal((await call('AsymmetricVerify', { ...version, Algorithm, Digest, Value })).Value, want);
      }
    }
    const other = pairs[KeySpec === 'EC_P256' ? 'EC_P256K' : 'EC_P256'].privateKey;
    await refused(call('ImportKeyMaterial', parameters(inPKCS8(other))), 400, 'InvalidKeyMaterial');
  });
}

everyDialect('an imported RSA key decrypts', async (call) => {
  for (const KeySpec of ['RSA_2048', 'RSA_3072', 'RSA_4096']) {
    const { version, privateKey, publicKey } = await imported(call, KeySpec, 'ENCRYPT/DECRYPT');
    for (const [Algorithm, options] of Object.entries(encryptions)) {
      const Plaintext = plaintext.toString('base64');
      const { CiphertextBlob } = await call('AsymmetricEncrypt', { ...version, Algorithm, Plaintext });
      const sealed = Buffer.from(CiphertextBlob, 'base64');
      assert.deepEqual(privateDecrypt({ key: privateKey, ...options }, sealed), plaintext);
      const own = publicEncrypt({ key: publicKey, ...options }, plaintext).toString('base64');
      const decrypt = (blob) => call('AsymmetricDecrypt', { ...version, Algorithm, CiphertextBlob: blob });
      assert.equal((await decrypt(own)).Plaintext, Plaintext);
      const wrong = Buffer.from(own, 'base64').fill(1).toString('base64');
      await refused(decrypt(wrong), 400, 'InvalidParameter', /CiphertextBlob/);
    }
    await refused(call('AsymmetricSign', { ...version, Algorithm: 'RSA_PSS_SHA_256', Digest }), 400,
      'UnsupportedOperation');
  }
});

everyDialect('a key pair of KMS signs', async (call) => {
  for (const KeySpec of ['EC_P256', 'EC_P256K']) {
    const { KeyId, KeyUsage } = await newKey(call, { KeySpec });
    assert.equal(KeyUsage, 'SIGN/VERIFY');
    const version = await of(call, KeyId);
    const key = createPublicKey((await call('GetPublicKey', version)).PublicKey);
    const { Value } = await call('AsymmetricSign', { ...version, Algorithm: 'ECDSA_SHA_256', Digest });
    assert(verify('sha256', message, key, Buffer.from(Value, 'base64')));
    await refused(call('AsymmetricSign', { ...version, Algorithm: 'ECDSA_SHA_256', Digest: 'eA==' }), 400,
      'InvalidParameter', /Digest/);
  }
});

everyDialectOfToday('what was encrypted with a public key moves under a symmetric key', async (call) => {
  const { version, publicKey } = await imported(call, 'RSA_2048', 'ENCRYPT/DECRYPT');
  const { KeyId } = await newKey(call);
  const source = { SourceKeyId: version.KeyId, SourceKeyVersionId: version.KeyVersionId };
  for (const [SourceEncryptionAlgorithm, options] of Object.entries(encryptions)) {
    const CiphertextBlob = publicEncrypt({ key: publicKey, ...options }, plaintext).toString('base64');
    const moved = await call('ReEncrypt',
      { CiphertextBlob, DestinationKeyId: KeyId, SourceEncryptionAlgorithm, ...source });
    assert.deepEqual([moved.KeyId, moved.KeyVersionId], [version.KeyId, version.KeyVersionId]);
    const opened = await call('Decrypt', { CiphertextBlob: moved.CiphertextBlob });
    assert.equal(opened.Plaintext, plaintext.toString('base64'));
    assert.equal(opened.KeyId, KeyId);
  }
});
