// What all scenarios share: each is written once, and played in every dialect.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Refusal, dialects } from './dialects.mjs';

// everyDialect plays a scenario in every dialect, each as its own test. The scenario gets call and the dialect.
export function everyDialect(name, scenario) {
  describe(name, () => {
    for (const dialect of dialects) {
      test(dialect.name, () => scenario(dialect.dial(dialect.home), dialect));
    }
  });
}

// everyDialectOfToday plays a scenario with operations that the classes of an old SDK don't have.
export function everyDialectOfToday(name, scenario) {
  describe(name, () => {
    for (const dialect of dialects.filter(({ today }) => today)) {
      test(dialect.name, () => scenario(dialect.dial(dialect.home), dialect));
    }
  });
}

// refused requires that a call is refused with that HTTP status and code, and a message that matches.
export async function refused(call, status, code, message = /./) {
  const said = await call.then(() => assert.fail(`expected ${code}`), (error) => error);
  assert(said instanceof Refusal, said);
  assert.equal(said.code, code, said.message);
  assert.equal(said.status, status);
  assert.match(said.text, message);
  assert.match(said.requestId, /^[0-9a-f-]{36}$/);
  return said;
}

// newKey creates a CMK and returns its metadata.
export async function newKey(call, parameters = {}) {
  const { KeyMetadata, RequestId } = await call('CreateKey', parameters);
  assert.match(RequestId, /^[0-9a-f-]{36}$/);
  return KeyMetadata;
}

export async function describeKey(call, KeyId) {
  return (await call('DescribeKey', { KeyId })).KeyMetadata;
}

// seconds parses a time of the wire format.
export function seconds(time) {
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  return Date.parse(time) / 1000;
}

export function near(time, want) {
  assert(Math.abs(seconds(time) - want) < 60, `${time} is not near ${new Date(want * 1000).toISOString()}`);
}

export const now = () => Date.now() / 1000;

// pages goes through all pages of a list, two entries per page, and returns the entries.
export async function pages(call, operation, list, parameters = {}) {
  const found = [];
  for (let number = 1; ; number++) {
    const page = await call(operation, { ...parameters, PageNumber: number, PageSize: 2 });
    assert.deepEqual([page.PageNumber, page.PageSize], [number, 2]);
    const items = list(page);
    found.push(...items);
    assert.equal(items.length, Math.min(2, page.TotalCount - 2 * (number - 1)));
    if (found.length >= page.TotalCount) return found;
  }
}
