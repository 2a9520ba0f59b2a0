// Encryption with contexts, data keys, and one SDK decrypting what another has encrypted.
import assert from 'node:assert/strict';
import { constants, generateKeyPairSync, privateDecrypt } from 'node:crypto';
import { describe, test } from 'node:test';

import { dev, dialects } from './dialects.mjs';
import { everyDialect, everyDialectOfToday, newKey, refused } from './scenario.mjs';

const kilobytes6 = Buffer.from(Array.from({ length: 6144 }, (_, i) => (i * 7) % 256));

const plaintexts = {
  base64: Buffer.from('the salary is 1815').toString('base64'),
  'base64 with + and / and =': '+/+/+w==',
  'not base64': 'YourPassword1234!',
  'UTF-8': '工资是 1815 €, 🔑',
  'characters of URLs': `a b+c%20d=&?#/*~!'()%2B`,
  'line breaks': 'a\r\nb\n',
  '6 KB in base64': kilobytes6.toString('base64'),
  '6 KB': '*'.repeat(6144),
};

const contexts = {
  'an ASCII context': { app: 'payroll', env: 'prod' },
  'a UTF-8 context': { 部门: '财务', 'città': 'Forlì', '🔑': '🗝' },
  'an empty value': { app: 'payroll', empty: '' },
  'an empty name': { '': 'value' },
  'names with dots': { 'a.b': 'c', 'a.b.c': 'd', 'a.': 'e' },
  'characters of URLs': { 'a b+c%20d': `=&?#/*~!'()%2B` },
  'characters of JSON': { '"quo\ted"': 'line\nbreak\\' },
};

everyDialect('what is encrypted can be decrypted', async (call) => {
  const { KeyId } = await newKey(call);
  for (const [name, Plaintext] of Object.entries(plaintexts)) {
    const sealed = await call('Encrypt', { KeyId, Plaintext });
    assert.equal(sealed.KeyId, KeyId);
    assert.equal(Buffer.from(sealed.CiphertextBlob, 'base64').toString('latin1', 0, 36), sealed.KeyVersionId);
    const opened = await call('Decrypt', { CiphertextBlob: sealed.CiphertextBlob });
    assert.equal(opened.Plaintext, Plaintext, name);
    assert.equal(opened.KeyId, KeyId);
    assert.equal(opened.KeyVersionId, sealed.KeyVersionId);
  }
  for (const Plaintext of [Buffer.concat([kilobytes6, Buffer.of(0)]).toString('base64'), '*'.repeat(6145)]) {
    await refused(call('Encrypt', { KeyId, Plaintext }), 400, 'InvalidParameter', /Plaintext/);
  }
});

everyDialect('ciphertexts open with their context only', async (call) => {
  const { KeyId } = await newKey(call);
  for (const [name, EncryptionContext] of Object.entries(contexts)) {
    const { CiphertextBlob } = await call('Encrypt', { KeyId, Plaintext: name, EncryptionContext });
    assert.equal((await call('Decrypt', { CiphertextBlob, EncryptionContext })).Plaintext, name);
    await refused(call('Decrypt', { CiphertextBlob }), 400, 'InvalidParameter', /CiphertextBlob/);
    const wrong = { ...EncryptionContext, more: '' };
    await refused(call('Decrypt', { CiphertextBlob, EncryptionContext: wrong }), 400, 'InvalidParameter',
      /CiphertextBlob/);
  }
});

everyDialect('data keys open to their plaintext', async (call) => {
  const { KeyId } = await newKey(call);
  for (const [parameters, length] of [
    [{}, 32], [{ KeySpec: 'AES_256' }, 32], [{ KeySpec: 'AES_128' }, 16], [{ NumberOfBytes: 1 }, 1],
    [{ NumberOfBytes: 1024 }, 1024], [{ KeySpec: 'AES_128', NumberOfBytes: 64 }, 64],
      [{ EncryptionContext: contexts['a UTF-8 context'] }, 32],
  ]) {
    const made = await call('GenerateDataKey', { KeyId, ...parameters });
    assert.equal(Buffer.from(made.Plaintext, 'base64').length, length);
    const opened = await call('Decrypt',
      { CiphertextBlob: made.CiphertextBlob, EncryptionContext: parameters.EncryptionContext ?? {} });
    assert.equal(opened.Plaintext, made.Plaintext);
  }
});

everyDialect('a data key without plaintext is one that Decrypt gives', async (call) => {
  const { KeyId } = await newKey(call);
  const EncryptionContext = contexts['a UTF-8 context'];
  const sealed = await call('GenerateDataKeyWithoutPlaintext', { KeyId, KeySpec: 'AES_128', EncryptionContext });
  assert.ok(!('Plaintext' in sealed));
  const opened = await call('Decrypt', { CiphertextBlob: sealed.CiphertextBlob, EncryptionContext });
  assert.equal(Buffer.from(opened.Plaintext, 'base64').length, 16);
  assert.equal(opened.KeyVersionId, sealed.KeyVersionId);
});

everyDialectOfToday('data keys are exported to a module', async (call) => {
  const { KeyId } = await newKey(call);
  const EncryptionContext = contexts['a UTF-8 context'];
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const PublicKeyBlob = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const unwrap = (exported, oaepHash) => privateDecrypt(
    { key: privateKey, oaepHash, padding: constants.RSA_PKCS1_OAEP_PADDING }, Buffer.from(exported, 'base64'));
  const { CiphertextBlob, Plaintext } = await call('GenerateDataKey', { KeyId, EncryptionContext });
  for (const [WrappingAlgorithm, hash] of [['RSAES_OAEP_SHA_256', 'sha256'], ['RSAES_OAEP_SHA_1', 'sha1']]) {
    const to = { PublicKeyBlob, WrappingKeySpec: 'RSA_2048', WrappingAlgorithm, EncryptionContext };
    const { ExportedDataKey } = await call('ExportDataKey', { CiphertextBlob, ...to });
    assert.equal(unwrap(ExportedDataKey, hash).toString('base64'), Plaintext);
    const made = await call('GenerateAndExportDataKey', { KeyId, NumberOfBytes: 48, ...to });
    const opened = await call('Decrypt', { CiphertextBlob: made.CiphertextBlob, EncryptionContext });
    assert.equal(unwrap(made.ExportedDataKey, hash).toString('base64'), opened.Plaintext);
    await refused(call('GenerateAndExportDataKey', { KeyId, ...to, PublicKeyBlob: 'bm9uZQ==' }), 400,
      'InvalidParameter', /PublicKeyBlob/);
  }
});

everyDialectOfToday('ciphertexts move to another key', async (call) => {
  const [from, to] = [await newKey(call), await newKey(call)];
  for (const [name, context] of Object.entries(contexts)) {
    const sealed = await call('Encrypt', { KeyId: from.KeyId, Plaintext: name, EncryptionContext: context });
    const moved = await call('ReEncrypt', {
      CiphertextBlob: sealed.CiphertextBlob, SourceEncryptionContext: context,
      DestinationKeyId: to.KeyId, DestinationEncryptionContext: { was: name, ...context },
    });
    assert.equal(moved.KeyId, from.KeyId);
    assert.equal(moved.KeyVersionId, sealed.KeyVersionId);
    const opened = await call('Decrypt',
      { CiphertextBlob: moved.CiphertextBlob, EncryptionContext: { was: name, ...context } });
    assert.equal(opened.Plaintext, name);
    assert.equal(opened.KeyId, to.KeyId);
    await refused(call('ReEncrypt', { CiphertextBlob: sealed.CiphertextBlob, DestinationKeyId: to.KeyId }), 400,
      'InvalidParameter', /CiphertextBlob/);
  }
});

describe('every dialect decrypts what any other has encrypted', () => {
  const callers = dialects.filter((dialect) => dialect.home === dev).map(
    ({ name, dial }) => ({ name, call: dial(dev) }));
  for (const writer of callers) {
    for (const reader of callers) {
      test(`${writer.name}, decrypted by ${reader.name}`, async () => {
        const { KeyId } = await newKey(writer.call);
        for (const EncryptionContext of Object.values(contexts)) {
          const { CiphertextBlob } = await writer.call('Encrypt', { KeyId, Plaintext: writer.name, EncryptionContext });
          assert.equal((await reader.call('Decrypt', { CiphertextBlob, EncryptionContext })).Plaintext, writer.name);
        }
      });
    }
  }
});
