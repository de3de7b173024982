import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { WebSocket } from 'ws';
import { startBare } from './bare-program.ts';
import { type LeanPost, leanPost } from './lean-post.ts';

/**
 * A second floor, for a reader who asks how much of the first one's distance is chosen: two bare programs that do the least
 * which keeps the promises. A call over HTTP is stored by SQLite and flushed, signed, and sent; the other end checks the
 * signature, flushes it to a file, spawns the shell in a session of its own and reads its output; the end is flushed again
 * before the caller hears of it. No rights, no schemas, no choice of a Runner, no stop, no journal, no resuming.
 */
export interface DurableFloor {
  /** Runs a shell command; answered when it is stored. */
  run(command: string): Promise<string>;
  /** Is called with each id that has ended and is stored as such. */
  onEnd(hear: (id: string) => void): void;
  stop(): Promise<void>;
}

const BARE_COORDINATOR = `
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createServer } from 'node:http';
import { DatabaseSync } from 'node:sqlite';
import { WebSocketServer } from 'ws';
const database = new DatabaseSync(process.argv[1]);
database.exec('pragma journal_mode = wal; pragma synchronous = full; create table executions (id text primary key, command text, state text) strict');
const insert = database.prepare("insert into executions values (?, ?, 'queued')");
const finish = database.prepare("update executions set state = 'succeeded' where id = ?");
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const sockets = {};
// What comes in the same turn shares a commit, as a careful program would have it.
let group = [];
const durable = (statement, parameters, then) => {
  if (group.push({ statement, parameters, then }) > 1) return;
  setImmediate(() => {
    const all = group;
    group = [];
    database.exec('begin');
    for (const { statement, parameters } of all) statement.run(...parameters);
    database.exec('commit');
    for (const { then } of all) then();
  });
};
const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (chunk) => { body += chunk; }).on('end', () => {
    const { command } = JSON.parse(body);
    const id = randomUUID();
    durable(insert, [id, command], () => {
      const payload = JSON.stringify({ id, command });
      const signature = sign(null, Buffer.from(payload), privateKey).toString('base64');
      sockets.agent.send(JSON.stringify({ payload, signature }));
      response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify({ id }));
    });
  });
});
new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket, request) => {
  const name = request.url.slice(1);
  sockets[name] = socket;
  if (name !== 'agent') return;
  socket.send(publicKey.export({ type: 'spki', format: 'pem' }));
  socket.on('message', (data) => {
    const { id } = JSON.parse(data);
    durable(finish, [id], () => sockets.caller?.send(id));
  });
});
server.listen(0, '127.0.0.1', () => console.log('port ' + server.address().port));
`;

const BARE_AGENT = `
import { spawn } from 'node:child_process';
import { createPublicKey, verify } from 'node:crypto';
import { close, closeSync, fsync, openSync, unlink, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { WebSocket } from 'ws';
const sync = promisify(fsync);
const [url, folder] = process.argv.slice(1);
const root = openSync(folder, 'r');
const socket = new WebSocket(url);
let key;
socket.on('message', async (data) => {
  if (key === undefined) { key = createPublicKey(data.toString()); console.log('ready'); return; }
  const { payload, signature } = JSON.parse(data);
  if (!verify(null, Buffer.from(payload), key, Buffer.from(signature, 'base64'))) throw new Error('not signed');
  const { id, command } = JSON.parse(payload);
  const file = folder + '/' + id;
  const descriptor = openSync(file, 'wx');
  writeSync(descriptor, payload);
  await Promise.all([sync(descriptor), sync(root)]);
  close(descriptor, () => undefined);
  const child = spawn('sh', ['-c', command], { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk) => { output += chunk; });
  child.stderr.on('data', (chunk) => { output += chunk; });
  child.on('close', (code) => {
    socket.send(JSON.stringify({ id, code, output }));
    unlink(file, () => undefined);
  });
});
`;

/** Starts both programs below `work` and resolves when they are connected. */
export async function startDurableFloor(work: string): Promise<DurableFloor> {
  const folder = path.join(work, 'durable-floor');
  await mkdir(folder, { recursive: true });
  const coordinator = startBare(BARE_COORDINATOR, [path.join(work, 'durable-floor.sqlite')]);
  const [, port] = await coordinator.line(/port (\d+)/);
  const agent = startBare(BARE_AGENT, [`ws://127.0.0.1:${port}/agent`, folder]);
  await agent.line(/ready/);
  const caller = new WebSocket(`ws://127.0.0.1:${port}/caller`);
  await once(caller, 'open');
  const post: LeanPost = leanPost(`http://127.0.0.1:${port}`, 'none');
  return {
    async run(command) {
      const answer = await post('/run', { command });
      return (answer as { id: string }).id;
    },
    onEnd(hear) {
      caller.removeAllListeners('message').on('message', (data) => hear(String(data)));
    },
    async stop() {
      caller.terminate();
      await agent.stop();
      await coordinator.stop();
    },
  };
}
