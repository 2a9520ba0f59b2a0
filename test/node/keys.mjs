// The lifecycle of keys, lists, regions, aliases and tags.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { describeKey, everyDialect, everyDialectOfToday, near, newKey, now, pages, refused } from './scenario.mjs';

everyDialect('keys live as the reference says', async (call) => {
  const Description = `a key of "ours" & <others>, 密钥 +%2B*~!'()`;
  const key = await newKey(call, { Description });
  assert.equal(key.Description, Description);
  assert.equal(key.KeyState, 'Enabled');
  assert.equal(key.Origin, 'Aliyun_KMS');
  assert.equal(key.ProtectionLevel, 'SOFTWARE');
  assert.equal(key.KeyUsage, 'ENCRYPT/DECRYPT');
  assert.equal(key.Arn, `acs:kms:cn-hangzhou:${key.Creator}:key/${key.KeyId}`);
  near(key.CreationDate, now());
  const { KeyId } = key;

  await call('DisableKey', { KeyId });
  assert.equal((await describeKey(call, KeyId)).KeyState, 'Disabled');
  await call('EnableKey', { KeyId });
  assert.equal((await describeKey(call, KeyId)).KeyState, 'Enabled');
  await call('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 });
  const doomed = await describeKey(call, KeyId);
  assert.equal(doomed.KeyState, 'PendingDeletion');
  near(doomed.DeleteDate, now() + 7 * 24 * 3600);
  await refused(call('EnableKey', { KeyId }), 409, 'Rejected.StateModifiedFailed');
  await call('CancelKeyDeletion', { KeyId });
  const saved = await describeKey(call, KeyId);
  assert.equal(saved.KeyState, 'Enabled');
  assert.equal(saved.DeleteDate, '');
});

everyDialect('ListKeys pages through all keys', async (call) => {
  const want = [await newKey(call), await newKey(call), await newKey(call)];
  const found = await pages(call, 'ListKeys', (page) => page.Keys.Key);
  assert.equal(new Set(found.map((key) => key.KeyId)).size, found.length, 'no key is on two pages');
  for (const { KeyId, Arn } of want) {
    assert.equal(found.find((key) => key.KeyId === KeyId)?.KeyArn, Arn);
  }
});

everyDialect('keys have versions, and are rotated', async (call) => {
  const first = await newKey(call, { EnableAutomaticRotation: true, RotationInterval: '605800s' });
  const { KeyId } = first;
  assert.equal(first.AutomaticRotation, 'Enabled');
  assert.equal(first.RotationInterval, '605800s');
  near(first.NextRotationDate, now() + 605800);
  const { CiphertextBlob } = await call('Encrypt', { KeyId, Plaintext: 'text' });
  const { KeyVersion } = await call('CreateKeyVersion', { KeyId });
  const { KeyVersionId } = KeyVersion;
  assert.equal(KeyVersion.KeyId, KeyId);
  near(KeyVersion.CreationDate, now());
  assert.deepEqual((await call('DescribeKeyVersion', { KeyId, KeyVersionId })).KeyVersion, KeyVersion);
  const versions = await pages(call, 'ListKeyVersions', (page) => page.KeyVersions.KeyVersion, { KeyId });
  assert.deepEqual(versions.map((version) => version.KeyVersionId), [KeyVersionId, first.PrimaryKeyVersion]);
  assert.equal((await describeKey(call, KeyId)).PrimaryKeyVersion, KeyVersionId);
  assert.equal((await call('Decrypt', { CiphertextBlob })).KeyVersionId, first.PrimaryKeyVersion);

  await call('UpdateRotationPolicy', { KeyId, EnableAutomaticRotation: false });
  assert.equal((await describeKey(call, KeyId)).AutomaticRotation, 'Disabled');
  await call('UpdateRotationPolicy', { KeyId, EnableAutomaticRotation: true, RotationInterval: '30d' });
  await call('DisableKey', { KeyId });
  const suspended = await describeKey(call, KeyId);
  assert.equal(suspended.AutomaticRotation, 'Suspended');
  assert.equal(suspended.RotationInterval, '2592000s');
  await refused(call('CreateKeyVersion', { KeyId }), 409, 'Rejected.Disabled');
  await refused(call('DescribeKeyVersion', { KeyId, KeyVersionId: KeyId }), 404, 'Forbidden.KeyVersionNotFound');
});

everyDialect('DescribeRegions lists the regions', async (call) => {
  const { Regions } = await call('DescribeRegions');
  const ids = Regions.Region.map((region) => region.RegionId);
  assert(ids.includes('cn-hangzhou') && ids.includes('eu-central-1'), ids.join());
});

everyDialect('aliases name keys', async (call) => {
  const first = await newKey(call);
  const second = await newKey(call);
  const AliasName = `alias/team-a/${randomUUID()}`;
  await call('CreateAlias', { AliasName, KeyId: first.KeyId });
  const of = (KeyId) => pages(call, 'ListAliasesByKeyId', (page) => page.Aliases.Alias, { KeyId });
  const [entry, ...others] = await of(first.KeyId);
  assert.deepEqual({ ...entry },
    { AliasName, KeyId: first.KeyId, AliasArn: `acs:kms:cn-hangzhou:${first.Creator}:${AliasName}` });
  assert.deepEqual(others, []);
  const { CiphertextBlob, KeyId } = await call('Encrypt', { KeyId: AliasName, Plaintext: 'text' });
  assert.equal(KeyId, first.KeyId);

  await call('UpdateAlias', { AliasName, KeyId: second.KeyId });
  assert.equal((await describeKey(call, AliasName)).KeyId, second.KeyId);
  assert.equal((await call('Decrypt', { CiphertextBlob })).KeyId, first.KeyId, 'old ciphertexts stay with their key');
  const all = await pages(call, 'ListAliases', (page) => page.Aliases.Alias);
  assert.equal(all.find((alias) => alias.AliasName === AliasName)?.KeyId, second.KeyId);

  await refused(call('CreateAlias', { AliasName, KeyId: first.KeyId }), 400, 'AliasAlreadyExists');
  await refused(call('DisableKey', { KeyId: AliasName }), 400, 'Unsupported.Alias');
  await call('DeleteAlias', { AliasName });
  await refused(call('DescribeKey', { KeyId: AliasName }), 404, 'Forbidden.AliasNotFound');
  await refused(call('DeleteAlias', { AliasName }), 404, 'Forbidden.AliasNotFound');
  assert.deepEqual(await of(second.KeyId), []);
});

everyDialect('tags are added, changed and removed', async (call) => {
  const { KeyId } = await newKey(call);
  const tags = async () => {
    const { Tags } = await call('ListResourceTags', { KeyId });
    assert(Tags.Tag.every((tag) => tag.KeyId === KeyId));
    return Object.fromEntries(Tags.Tag.map((tag) => [tag.TagKey, tag.TagValue]));
  };
  assert.deepEqual(await tags(), {});
  await call('TagResource',
    { KeyId, Tags: [{ TagKey: 'team', TagValue: 'payroll' }, { TagKey: 'a/b+c=d@e:f', TagValue: '+=/@' }] });
  assert.deepEqual(await tags(), { team: 'payroll', 'a/b+c=d@e:f': '+=/@' });
  await call('TagResource', { KeyId, Tags: [{ TagKey: 'team', TagValue: 'finance' }] });
  await call('UntagResource', { KeyId, TagKeys: ['a/b+c=d@e:f'] });
  assert.deepEqual(await tags(), { team: 'finance' });
  await refused(call('TagResource', { KeyId, Tags: [{ TagKey: 'acs:mine', TagValue: 'x' }] }), 400, 'InvalidParameter',
    /Tags/);
});

everyDialect('a description is replaced', async (call) => {
  const { KeyId } = await newKey(call, { Description: 'old' });
  await call('UpdateKeyDescription', { KeyId, Description: 'new 密钥' });
  assert.equal((await describeKey(call, KeyId)).Description, 'new 密钥');
  await call('UpdateKeyDescription', { KeyId, Description: '' });
  assert.equal((await describeKey(call, KeyId)).Description, '');
});

everyDialectOfToday('tags of several keys, and keys by their tags', async (call) => {
  const value = randomUUID();
  const one = await newKey(call, { Tags: [{ TagKey: 'one', TagValue: value }] });
  const two = await newKey(call);
  const ids = { ResourceType: 'key', 'ResourceId.1': one.KeyId, 'ResourceId.2': two.KeyId };
  const rows = async () => {
    const { NextToken, TagResources } = await call('ListTagResources', ids);
    assert.equal(NextToken, '');
    return TagResources.TagResource.map((row) => `${row.ResourceId}:${row.TagKey}=${row.TagValue}`).sort();
  };
  assert.deepEqual(await rows(), [`${one.KeyId}:one=${value}`]);
  await call('TagResources', { ...ids, 'Tag.1.Key': 'a/b+c=d@e:f', 'Tag.1.Value': '+=/@', 'Tag.2.Key': 'none' });
  assert.equal((await rows()).length, 5);
  await call('UntagResources', { ...ids, 'TagKey.1': 'a/b+c=d@e:f', 'TagKey.2': 'none' });
  assert.deepEqual(await rows(), [`${one.KeyId}:one=${value}`]);
  const found = await call('ListKeys', { Filters: [{ Key: 'TagValue', Values: [value] }] });
  assert.deepEqual(found.Keys.Key.map((key) => key.KeyId), [one.KeyId]);
  await refused(call('ListKeys', { Filters: [{ Key: 'State', Values: ['Enabled'] }] }), 400, 'InvalidParameter',
    /Filters/);
  await call('UntagResources', { ...ids, All: true });
  assert.deepEqual(await rows(), []);
});

everyDialectOfToday('a key is protected by its ARN', async (call) => {
  const { KeyId, Arn } = await newKey(call);
  await call('SetDeletionProtection',
    { ProtectedResourceArn: Arn, EnableDeletionProtection: true, DeletionProtectionDescription: 'in use' });
  const key = await describeKey(call, KeyId);
  assert.deepEqual([key.DeletionProtection, key.DeletionProtectionDescription], ['Enabled', 'in use']);
  await refused(call('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 }), 409, 'Rejected.StateModifiedFailed',
    /protection/);
  await call('SetDeletionProtection', { KeyId, EnableDeletionProtection: false });
  await call('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 });
});

everyDialectOfToday('the account may use KMS', async (call) => {
  assert.equal((await call('DescribeAccountKmsStatus')).AccountStatus, 'Enabled');
  await call('OpenKmsService');
});
