// The dedicated gateway of a KMS instance, by its real name, with a certificate of the instance's own CA.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { dedicated, dev, dialects, instance, pop } from './dialects.mjs';
import { newKey, refused } from './scenario.mjs';

describe('a dedicated gateway encrypts and decrypts for the keys of its instance', () => {
  for (const { name, home, dial } of dialects.filter((dialect) => dialect.home === dev)) {
    test(name, async () => {
      const [shared, call] = [dial(home), dial(dedicated)];
      // kms20160120 is older than KMS instances, and can use keys that others make there.
      const { KeyId, DKMSInstanceId } = await newKey(pop('POST')(dev), { DKMSInstanceId: instance });
      assert.equal(DKMSInstanceId, instance);
      assert.match(KeyId, /^key-[a-z]{3}[a-z0-9]{18}$/);
      const EncryptionContext = { 部门: '=&+ 财务' };
      for (const [writer, reader] of [[call, call], [call, shared], [shared, call]]) {
        const { CiphertextBlob } = await writer('Encrypt', { KeyId, Plaintext: 'text', EncryptionContext });
        assert.equal((await reader('Decrypt', { CiphertextBlob, EncryptionContext })).Plaintext, 'text');
        const made = await writer('GenerateDataKey', { KeyId });
        assert.equal((await reader('Decrypt', { CiphertextBlob: made.CiphertextBlob })).Plaintext, made.Plaintext);
      }
      await refused(call('DescribeKey', { KeyId }), 400, 'InvalidApiName', /"DescribeKey"/);
      const other = await newKey(shared);
      await refused(call('Encrypt', { KeyId: other.KeyId, Plaintext: 'text' }), 404, 'Forbidden.KeyNotFound');
    });
  }
});
