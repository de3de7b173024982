import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SmallCoordinator } from './small-coordinator.ts';

/**
 * A {@link SmallCoordinator} as a program, with the manners of the real one: it takes `--data-dir` and `--port`, announces
 * itself in the folder, and ends on a stop message or SIGTERM. A file `refuse` in the folder makes it fail with its text.
 */
const { values } = parseArgs({
  options: {
    'data-dir': { type: 'string' },
    port: { type: 'string' },
  },
  strict: false,
});
const folder = String(values['data-dir']);
mkdirSync(folder, { recursive: true });
const refuse = readIfThere(join(folder, 'refuse'));
if (refuse !== null) {
  console.error(refuse);
  process.exit(10);
}
const wanted = Number(values.port);
const coordinator = await SmallCoordinator.start(wanted).catch(() => SmallCoordinator.start());
coordinator.ticket = `ticket-of-${process.pid}`;
coordinator.on('GET /who', (request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(
    JSON.stringify({ pid: process.pid, authorization: request.headers.authorization, args: process.argv.slice(2) }),
  );
});
writeFileSync(join(folder, 'owner.ticket'), coordinator.ticket, { mode: 0o600 });
writeFileSync(join(folder, 'coordinator.json'), JSON.stringify({ url: coordinator.url, pid: process.pid }));

function stop(): void {
  rmSync(join(folder, 'coordinator.json'), { force: true });
  writeFileSync(join(folder, 'stopped'), String(process.pid));
  process.exit(0);
}
process.on('SIGTERM', stop);
const port = (
  process as { parentPort?: { on(event: 'message', listener: (message: { data: unknown }) => void): void } }
).parentPort;
port?.on('message', ({ data }) => {
  if (typeof data === 'object' && data !== null && 'type' in data && data.type === 'stop') stop();
});

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
