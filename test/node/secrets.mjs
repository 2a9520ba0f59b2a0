// Secrets: their versions and stages, what programs that read them do, and the end.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { everyDialect, near, newKey, now, pages, refused } from './scenario.mjs';

async function newSecret(call, more = {}) {
  const SecretName = `node/${randomUUID()}`;
  const made = await call('CreateSecret', { SecretName, VersionId: 'v1', SecretData: 'one', ...more });
  assert.equal(made.SecretName, SecretName);
  assert.match(made.Arn, new RegExp(`:secret/${SecretName}$`));
  return SecretName;
}

everyDialect('secrets live their life', async (call) => {
  const { KeyId } = await newKey(call);
  const SecretName = await newSecret(call, { EncryptionKeyId: KeyId, Description: 'of "ours" & <others>, 密钥' });
  const put = await call('PutSecretValue', {
    SecretName, VersionId: 'v2', SecretData: 'two & 密钥', VersionStages: ['ACSCurrent', 'next'],
  });
  assert.deepEqual(put.VersionStages.VersionStage, ['ACSCurrent', 'next']);
  const got = await call('GetSecretValue', { SecretName });
  assert.equal(got.SecretData, 'two & 密钥');
  assert.equal(got.SecretDataType, 'text');
  near(got.CreateTime, now());
  assert.equal((await call('GetSecretValue', { SecretName, VersionStage: 'ACSPrevious' })).SecretData, 'one');
  await call('UpdateSecretVersionStage', {
    SecretName, VersionStage: 'ACSCurrent', MoveToVersion: 'v1', RemoveFromVersion: 'v2',
  });
  assert.equal((await call('GetSecretValue', { SecretName })).VersionId, 'v1');
  const versions = await call('ListSecretVersionIds', { SecretName });
  assert.deepEqual(versions.VersionIds.VersionId.map(({ VersionId }) => VersionId), ['v2', 'v1']);
  const described = await call('DescribeSecret', { SecretName });
  assert.equal(described.Description, 'of "ours" & <others>, 密钥');
  assert.equal(described.EncryptionKeyId, KeyId);

  await call('DisableKey', { KeyId });
  await refused(call('GetSecretValue', { SecretName }), 409, 'Rejected.Disabled');
  await call('EnableKey', { KeyId });
  const { PlannedDeleteTime } = await call('DeleteSecret', { SecretName, RecoveryWindowInDays: '7' });
  near(PlannedDeleteTime, now() + 7 * 24 * 3600);
  await refused(call('GetSecretValue', { SecretName }), 409, 'Rejected.ResourceInDeleteWindow');
  await call('RestoreSecret', { SecretName });
  await call('DeleteSecret', { SecretName, ForceDeleteWithoutRecovery: 'true' });
  await refused(call('GetSecretValue', { SecretName }), 404, 'Forbidden.ResourceNotFound');
});

everyDialect('binary values and random passwords come as they are', async (call) => {
  const bytes = Buffer.from('ff00'.repeat(5000), 'hex').toString('base64');
  const SecretName = await newSecret(call, { SecretData: bytes, SecretDataType: 'binary' });
  const got = await call('GetSecretValue', { SecretName, VersionStage: 'ACSCurrent' });
  assert.equal(got.SecretData, bytes);
  assert.equal(got.SecretDataType, 'binary');
  await refused(call('PutSecretValue', { SecretName, VersionId: 'v1', SecretData: 'other' }), 409,
    'Rejected.ResourceExist');
  const { RandomPassword } = await call('GetRandomPassword', { PasswordLength: '128', ExcludePunctuation: 'true' });
  assert.match(RandomPassword, /^[A-Za-z0-9]{128}$/);
});

everyDialect('ListSecrets pages through all secrets', async (call) => {
  const name = await newSecret(call);
  const found = await pages(call, 'ListSecrets', (page) => page.SecretList.Secret);
  assert.equal(found.filter(({ SecretName }) => SecretName === name).length, 1);
});
