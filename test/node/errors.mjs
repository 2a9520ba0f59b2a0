// How the SDKs report that the service refused a request.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { dev, inactive, plain, temporary, writer } from './dialects.mjs';
import { everyDialect, newKey, refused } from './scenario.mjs';

everyDialect('refusals have their code', async (call) => {
  const { KeyId } = await newKey(call);
  const doomed = await newKey(call);
  const { CiphertextBlob } = await call('Encrypt', { KeyId, Plaintext: 'text' });
  await call('ScheduleKeyDeletion', { KeyId: doomed.KeyId, PendingWindowInDays: 7 });
  for (const [operation, parameters, ...want] of [
    ['DescribeKey', { KeyId: randomUUID() }, 404, 'Forbidden.KeyNotFound', /^The specified Key is not found\.$/],
    ['Encrypt', { Plaintext: 'text' }, 400, 'MissingParameter', /KeyId/],
    ['ListKeys', { PageSize: 102 }, 400, 'InvalidParameter', /PageSize/],
    ['CreateKey', { Origin: 'aliyun_kms' }, 400, 'InvalidParameter', /Origin/],
    ['ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 6 }, 400, 'InvalidParameter', /PendingWindowInDays/],
    ['Decrypt', { CiphertextBlob: 'bm9uZQ==' }, 400, 'InvalidParameter', /CiphertextBlob/],
    ['Decrypt', { CiphertextBlob: CiphertextBlob.slice(0, -4) }, 400, 'InvalidParameter', /CiphertextBlob/],
    ['GenerateDataKey', { KeyId: doomed.KeyId }, 409, 'Rejected.PendingDeletion'],
    ['CreateKey', { KeySpec: 'RSA_1024' }, 400, 'InvalidParameter', /KeySpec/],
    ['CreateKey', { EnableAutomaticRotation: true, RotationInterval: '6d' }, 400, 'InvalidParameter', /Rotation/],
    ['DescribeService', {}, 400, 'UnsupportedOperation', /^This action is not supported\.$/],
  ]) {
    await refused(call(operation, parameters), ...want);
  }
  await call('DisableKey', { KeyId });
  await refused(call('Encrypt', { KeyId, Plaintext: 'text' }), 409, 'Rejected.Disabled');
  await refused(call('Decrypt', { CiphertextBlob }), 409, 'Rejected.Disabled');
});

everyDialect('invalid access keys are refused', async (_, { dial }) => {
  const wrong = dial({ ...dev, secret: 'another secret' });
  const said = await refused(wrong('DescribeRegions'), 400, 'IncompleteSignature',
    /server string to sign is:(GET|POST)&%2F&/);
  assert.equal(said.hostId, dev.address);
  await refused(dial({ ...dev, id: 'LTAIunknown' })('DescribeRegions'), 404, 'InvalidAccessKeyId.NotFound');
  await refused(dial(inactive)('DescribeRegions'), 403, 'Forbidden.AccessKey');
  await refused(dial({ ...temporary, token: 'another' })('DescribeRegions'), 400,
    'InvalidSecurityToken.MismatchWithAccessKey');
});

everyDialect('temporary access keys work', async (_, { dial }) => {
  const call = dial(temporary);
  const { KeyId } = await newKey(call);
  const { CiphertextBlob } = await call('Encrypt', { KeyId, Plaintext: 'text' });
  assert.equal((await call('Decrypt', { CiphertextBlob })).Plaintext, 'text');
});

everyDialect('restricted access keys do what they may, and no more', async (_, { dial }) => {
  const { KeyId } = await newKey(dial(plain));
  const call = dial(writer);
  const { CiphertextBlob } = await call('Encrypt', { KeyId, Plaintext: 'text' });
  await refused(call('Decrypt', { CiphertextBlob }), 403, 'Forbidden.NoPermission');
});
