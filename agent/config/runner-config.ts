import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { AGENT_EXIT, type RunnerConfig, RunnerConfigSchema } from '../../protocol/enrolment.ts';
import { fieldsOf } from '../../protocol/problems.ts';
import { AgentExit, systemCode } from '../agent-exit.ts';
import { writeFileAtomic } from './atomic-file.ts';

/** `runner.json` with what the environment overrides. */
export interface LoadedConfig {
  readonly path: string;
  readonly config: RunnerConfig;
}

const RawSchema = z.record(z.string(), z.unknown());
const EnrolmentPartSchema = z.record(z.string(), z.unknown()).catch({});

/** Environment variables that win over the file, and the field that each one stands for. */
const OVERRIDES: Readonly<Record<string, string>> = {
  OUTRUNNER_COORDINATOR_URL: 'coordinator.url',
  OUTRUNNER_TOKEN: 'enrolment.token',
  OUTRUNNER_PROXY: 'proxy',
  OUTRUNNER_CA_FILE: 'ca',
  OUTRUNNER_TRANSPORT: 'transport',
};

/**
 * Reads and checks `runner.json`. Ends with {@link AGENT_EXIT}.configuration and the name of the field when something is
 * wrong. `ca` may be PEM, or the path of a PEM file (relative to `runner.json`).
 */
export async function loadRunnerConfig(path: string, env: NodeJS.ProcessEnv): Promise<LoadedConfig> {
  const raw = await readRaw(path);
  const set = (name: string) => (env[name] === undefined || env[name] === '' ? undefined : env[name]);
  const url = set('OUTRUNNER_COORDINATOR_URL');
  if (url !== undefined) raw.coordinator = { ...EnrolmentPartSchema.parse(raw.coordinator), url };
  const token = set('OUTRUNNER_TOKEN');
  if (token !== undefined) raw.enrolment = { expiresAt: '', ...EnrolmentPartSchema.parse(raw.enrolment), token };
  const proxy = set('OUTRUNNER_PROXY');
  if (proxy !== undefined) raw.proxy = proxy;
  const transport = set('OUTRUNNER_TRANSPORT');
  if (transport !== undefined) raw.transport = transport;
  const caFile = set('OUTRUNNER_CA_FILE');
  if (caFile !== undefined) raw.ca = resolve(caFile);

  const parsed = RunnerConfigSchema.safeParse(raw);
  if (!parsed.success) {
    const problems = fieldsOf(parsed.error).map((field) => {
      const variable = Object.keys(OVERRIDES).find((name) => OVERRIDES[name] === field.path && set(name) !== undefined);
      return `${field.path === '' ? 'the file' : field.path}${variable ? ` (from ${variable})` : ''}: ${field.message}`;
    });
    throw wrongConfig(`${path} is not right. ${problems.join(' ')}`, 'Correct it, or download the Runner again.');
  }
  checkAddress(parsed.data.coordinator.url);
  return { path, config: { ...parsed.data, ca: await certificates(parsed.data.ca, path) } };
}

async function readRaw(path: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const missing = systemCode(error) === 'ENOENT';
    throw wrongConfig(
      missing ? `There is no configuration at ${path}.` : `${path} cannot be read (${systemCode(error)}).`,
      'Start the agent in the folder of its package, or name the file with --config.',
    );
  }
  try {
    return RawSchema.parse(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) {
      // The parser's message quotes the text, and the text may hold the token: say only that it is not JSON.
      throw wrongConfig(`${path} is not valid JSON.`, 'Correct it, or download the Runner again.');
    }
    throw wrongConfig(`${path} must hold one JSON object.`, 'Correct it, or download the Runner again.');
  }
}

/** `http://` would show everything to the network: it is for this host alone. */
function checkAddress(url: string): void {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw wrongConfig(`coordinator.url: ${url} is not an address.`, 'It must be like https://host:port.');
  }
  if (parsed.protocol === 'http:' && !isLoopback(parsed.hostname)) {
    throw wrongConfig(
      `coordinator.url: ${url} is not encrypted, and ${parsed.hostname} is not this host.`,
      'http:// is for loopback alone; use https://.',
    );
  }
}

/** Whether a host name of a URL can only mean this host. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

async function certificates(ca: string | undefined, configPath: string): Promise<string | undefined> {
  if (ca === undefined || ca === '' || ca.includes('-----BEGIN CERTIFICATE-----')) return ca === '' ? undefined : ca;
  const path = resolve(dirname(configPath), ca);
  let pem: string;
  try {
    pem = await readFile(path, 'utf8');
  } catch (error) {
    throw wrongConfig(`ca: ${path} cannot be read (${systemCode(error)}).`, 'Name a file with certificates in PEM.');
  }
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) {
    throw wrongConfig(`ca: ${path} holds no certificate in PEM.`, 'Name a file with certificates in PEM.');
  }
  return pem;
}

/** Takes the used token out of the file. Returns why not, when it could not; the token is spent in any case. */
export async function removeToken(path: string): Promise<string | null> {
  try {
    const raw = await readRaw(path);
    if (!('enrolment' in raw)) return null;
    delete raw.enrolment;
    await writeFileAtomic(path, `${JSON.stringify(raw, null, 2)}\n`, 0o600);
    return null;
  } catch (error) {
    return systemCode(error);
  }
}

function wrongConfig(message: string, todo: string): AgentExit {
  return new AgentExit(AGENT_EXIT.configuration, message, todo);
}
