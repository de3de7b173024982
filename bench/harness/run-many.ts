import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { z } from 'zod';
import type { CoordinatorProcess } from './coordinator.ts';

/** Connections of the script that submits. */
const CALLERS = 8;

export interface Load {
  readonly seconds: number;
  /** Milliseconds of each from call to end. */
  readonly each: number[];
  /** Milliseconds of each from call to answer. */
  readonly answers: number[];
}

/**
 * Runs `true` so many times and resolves when the last is stored as finished. The client is as light as a script in any
 * language: it shares the processors with what it measures.
 */
export async function runMany({ url, api }: CoordinatorProcess, runs: number): Promise<Load> {
  const ends = await watchEnds(url, api.token);
  const agent = new Agent({ keepAlive: true, maxSockets: CALLERS });
  const asked = new Map<string, number>();
  const answers: number[] = [];
  const body = JSON.stringify({ command: 'true', interpreter: 'sh', runnerTags: ['bench'] });
  const begun = performance.now();
  let left = runs;
  const caller = async () => {
    while (left > 0) {
      left -= 1;
      const at = performance.now();
      const text = await post(`${url}/api/v1/projects/Welcome/commands`, api.token, body, agent);
      answers.push(performance.now() - at);
      // The first id of the answer is that of the execution; the rest of it is not looked at.
      asked.set(ID.exec(text)?.[1] ?? '', at);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  await ends.reached(runs);
  const last = Math.max(...ends.seen.values());
  ends.close();
  agent.destroy();
  return {
    seconds: (last - begun) / 1000,
    each: [...asked].map(([id, at]) => (ends.seen.get(id) ?? Number.NaN) - at),
    answers,
  };
}

const ID = /"id":"([0-9a-f-]{36})"/;

async function post(url: string, token: string, body: string, agent: Agent): Promise<string> {
  const call = request(url, {
    method: 'POST',
    agent,
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    },
  });
  call.end(body);
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  let text = '';
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    text += chunk;
  });
  await once(response, 'end');
  if (response.statusCode !== 201) throw new Error(`A run was answered with ${response.statusCode}: ${text}`);
  return text;
}

const EndedSchema = z.object({ topic: z.string(), id: z.string(), execution: z.object({ state: z.string() }) });

/** Listens on the live feed for executions that are over; whatever did not succeed is an error. */
async function watchEnds(url: string, token: string) {
  const seen = new Map<string, number>();
  const waiting: { count: number; resolve: () => void; reject: (error: Error) => void }[] = [];
  const call = request(`${url}/api/v1/live`, { headers: { authorization: `Bearer ${token}` } });
  call.end();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  response.setEncoding('utf8');
  let rest = '';
  response.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith('data:') || !line.includes('"topic":"execution"')) continue;
      if (!/"state":"(succeeded|failed|aborted|timedout|lost)"/.test(line)) continue;
      const { id, execution } = EndedSchema.parse(JSON.parse(line.slice(5)));
      // While it runs, its steps may be over already.
      if (['queued', 'running', 'stopping'].includes(execution.state)) continue;
      if (execution.state !== 'succeeded') fail(new Error(`An execution is ${execution.state}: ${line}`));
      seen.set(id, performance.now());
    }
    for (const one of waiting) if (seen.size >= one.count) one.resolve();
  });
  const fail = (error: Error) => {
    for (const one of waiting) one.reject(error);
  };
  response.on('error', fail);
  return {
    seen,
    reached(count: number): Promise<void> {
      return new Promise((resolve, reject) => {
        waiting.push({ count, resolve, reject });
        if (seen.size >= count) resolve();
      });
    },
    close() {
      response.off('error', fail);
      response.on('error', () => undefined);
      call.destroy();
    },
  };
}
