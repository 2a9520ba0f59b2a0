// A dialect is an SDK in one of its configurations. All have the same interface: call(operation, parameters), with the
// names of the wire format, returns the response with the names of the wire format, or throws a Refusal.
import dns from 'node:dns';

import popcore from '@alicloud/pop-core';
import kms from '@alicloud/kms20160120';

const { env } = process;

// The services that run.mjs has started.
export const dev = {
  address: env.ALICLOUD_DOMAIN, scheme: 'https',
  id: env.ALIBABA_CLOUD_ACCESS_KEY_ID, secret: env.ALIBABA_CLOUD_ACCESS_KEY_SECRET,
};
export const plain = { address: env.PLAIN_ADDRESS, scheme: 'http', id: 'LTAIplain', secret: 'the plain secret' };
// Its other access keys, as in test/sdk/testdata/plain.hcl.
export const inactive = { ...plain, id: 'LTAIinactive', secret: 'the inactive secret' };
export const temporary = { ...plain, id: 'STS.temporary', secret: 'the temporary secret', token: 'CAIS+/the=token==' };
export const writer = { ...plain, id: 'LTAIwriter', secret: "the writer's secret" };

// The KMS instance of the development service, and its dedicated gateway. DNS does not know the gateway's name here,
// but the SDKs must be given it, as it is what they look for in the certificate.
export const instance = env.ALICLOUD_KMS_INSTANCE_ID;
const gateway = `${instance}.cryptoservice.kms.aliyuncs.com`;
const [, port] = env.ALICLOUD_KMS_INSTANCE_ENDPOINT.split(':');
export const dedicated = { ...dev, address: `${gateway}:${port}` };
const { lookup } = dns;
dns.lookup = (host, ...rest) => lookup(host === gateway ? '127.0.0.1' : host, ...rest);

// Refusal is what an SDK reports when the service refuses a request.
export class Refusal extends Error {
  constructor({ HttpStatus, Code, Message, RequestId, HostId }, cause) {
    super(`${Code}: ${Message}`, { cause });
    Object.assign(this, { status: HttpStatus, code: Code, text: Message, requestId: RequestId, hostId: HostId });
  }
}

// patience is how long an SDK waits for an answer, in milliseconds. Their own 3 s are too short for a busy machine:
// each GetParametersForImport makes an RSA key.
const patience = 30_000;

function refusal(error) {
  return error.data ? new Refusal(error.data, error) : error;
}

// pop is @alicloud/pop-core, which has only flat parameters: structured values are sent as JSON.
export function pop(method) {
  return (at) => {
    const client = new popcore.RPCClient({
      endpoint: `${at.scheme}://${at.address}`, apiVersion: '2016-01-20', accessKeyId: at.id,
        accessKeySecret: at.secret,
      securityToken: at.token, opts: { timeout: patience },
    });
    return async (operation, parameters = {}) => {
      const flat = Object.entries(parameters).map(
        ([name, value]) => [name, typeof value === 'object' ? JSON.stringify(value) : value]);
      try {
        return await client.request(operation, Object.fromEntries(flat), { method });
      } catch (error) {
        throw refusal(error);
      }
    };
  };
}

// kms20160120 is @alicloud/kms20160120, which has a class for every request. It sends a map as one parameter per entry
// (EncryptionContext.name=value), and tags as a string.
export function kms20160120(at) {
  const client = new kms.default({
    endpoint: at.address, protocol: at.scheme, accessKeyId: at.id, accessKeySecret: at.secret,
    securityToken: at.token, regionId: 'cn-hangzhou', readTimeout: patience, connectTimeout: patience,
  });
  return async (operation, parameters = {}) => {
    const Request = kms[`${operation}Request`];
    const fields = Object.entries(Request.names()).map(([field, name]) => [name, field]);
    const field = Object.fromEntries(fields);
    const given = Object.entries(parameters).map(([name, value]) => {
      if (!field[name]) throw new TypeError(`${operation}Request has no field for ${name}`);
      return [field[name], Array.isArray(value) ? JSON.stringify(value) : value];
    });
    try {
      return wire(
        await client[operation[0].toLowerCase() + operation.slice(1)](new Request(Object.fromEntries(given))));
    } catch (error) {
      throw refusal(error);
    }
  };
}

// wire converts an SDK's model back to the names of the wire format, as far as the model has the fields.
function wire(model) {
  if (Array.isArray(model)) return model.map(wire);
  const names = model?.constructor?.names?.();
  if (!names) return model;
  return Object.fromEntries(Object.entries(names).map(([field, name]) => [name, wire(model[field])]));
}

// today: it can send operations that are newer than itself.
export const dialects = [
  { name: 'pop-core by GET, TLS', dial: pop('GET'), home: dev, today: true },
  { name: 'pop-core by POST, TLS', dial: pop('POST'), home: dev, today: true },
  { name: 'pop-core by GET, plain HTTP', dial: pop('GET'), home: plain, today: true },
  { name: 'kms20160120, TLS', dial: kms20160120, home: dev },
  { name: 'kms20160120, plain HTTP', dial: kms20160120, home: plain },
];
