// Starts the KMS service, runs the tests against it, and stops it: `npm test`. ALICLOUDKMS_BIN is the service's binary.
//
// There are two services: one with `server -dev`, over TLS, and one with a configuration file, over plain HTTP, which
// has access keys of every kind. Node reads NODE_EXTRA_CA_CERTS only when it starts, so the tests run in their own
// process.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync, copyFileSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const bin = process.env.ALICLOUDKMS_BIN;
assert(bin, 'ALICLOUDKMS_BIN must name the alicloudkms binary; scripts/node.sh sets it');
const here = fileURLToPath(new URL('.', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'alicloudkms-node-'));

// Settings of the caller for other services, which the SDKs would prefer.
const foreign = /^(alicloud_|alibaba_cloud_|node_extra_ca_certs$|https?_proxy$|no_proxy$|all_proxy$)/i;
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));

const running = [];

function start(name, ...args) {
  const log = join(dir, `${name}.log`);
  const out = openSync(log, 'a');
  const child = spawn(bin, ['server', ...args], { cwd: dir, stdio: ['ignore', 'ignore', out], env: environment });
  closeSync(out);
  const service = { name, child, ended: once(child, 'exit'), log: () => readFileSync(log, 'utf8') };
  running.push(service);
  return service;
}

// until waits until ready returns something, and gives up when the service exits.
async function until(service, ready) {
  for (let tries = 0; tries < 18_000; tries++) {
    const found = ready();
    if (found) return found;
    if (service.child.exitCode !== null || service.child.signalCode !== null) break;
    await sleep(10);
  }
  throw new Error(`the ${service.name} service is not ready\n${service.log()}`);
}

async function stop({ name, child, ended, log }) {
  child.kill('SIGTERM');
  const [code, signal] = await ended;
  if (code !== 0) throw new Error(`the ${name} service exited with ${code ?? signal}\n${log()}`);
}

async function startDev() {
  const exports = join(dir, 'dev.env');
  const service = start('dev', '-dev', '-dev-dir', join(dir, 'dev'), '-dev-env', exports);
  await until(service, () => existsSync(exports));
  const variables = readFileSync(exports, 'utf8').matchAll(/^export (\w+)='(.*)'$/gm);
  return Object.fromEntries([...variables].map(([, name, value]) => [name, value]));
}

// trustAll adds the CA of the dedicated gateway to those that Node trusts.
function trustAll(variables) {
  const authorities = join(dir, 'authorities.pem');
  const files = [variables.NODE_EXTRA_CA_CERTS, variables.ALICLOUD_KMS_INSTANCE_CA];
  writeFileSync(authorities, files.map((file) => readFileSync(file, 'utf8')).join('\n'));
  return { ...variables, NODE_EXTRA_CA_CERTS: authorities };
}

async function startPlain() {
  const config = join(dir, 'plain.hcl'); // Its paths are relative to it.
  copyFileSync(join(here, '../sdk/testdata/plain.hcl'), config);
  const service = start('plain', '-config', config);
  const [, address] = await until(service, () => service.log().match(/msg=ready address=(\S+)/));
  return address;
}

async function runTests(variables) {
  const tests = spawn(process.execPath, ['--test', '--test-reporter=spec', 'conformance.test.mjs'], {
    cwd: here, stdio: 'inherit', env: { ...environment, ...variables },
  });
  // A Ctrl-C ends the tests, and then this script stops the services.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => tests.kill(signal));
  const [code] = await once(tests, 'exit');
  return code ?? 1;
}

let status = 1;
try {
  const variables = trustAll(await startDev());
  status = await runTests({ ...variables, PLAIN_ADDRESS: await startPlain() });
} finally {
  const ends = await Promise.allSettled(running.map(stop));
  rmSync(dir, { recursive: true, force: true });
  for (const { reason } of ends) {
    if (reason) {
      console.error(reason.message);
      status ||= 1;
    }
  }
}
process.exitCode = status;
