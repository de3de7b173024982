import { once } from 'node:events';
import path from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';
import { type RunningProgram, startProgram } from './process.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** Starts a floor's program, a few lines of plain JavaScript: types to strip would cost it memory that is not its own. */
export function startBare(source: string, args: readonly string[] = [], nodeArgs: readonly string[] = []) {
  return startProgram(process.execPath, [...nodeArgs, '--input-type=module', '-e', source, '--', ...args], {
    cwd: root,
  });
}

/** A bare program that has connected to a bare WebSocket server in this process. */
export interface BareLink {
  readonly program: RunningProgram;
  readonly socket: WebSocket;
  stop(): Promise<void>;
}

/** Starts a bare program that gets the URL of a WebSocket server as its argument; resolves when it has connected. */
export async function connectBare(source: string): Promise<BareLink> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The bare server has no port.');
  const program = startBare(source, [`ws://127.0.0.1:${address.port}`]);
  const early = program.ended.then(() => {
    throw new Error(`The bare program ended:\n${program.output()}`);
  });
  const [socket] = (await Promise.race([once(server, 'connection'), early])) as [WebSocket];
  return {
    program,
    socket,
    async stop() {
      await program.stop();
      server.close();
    },
  };
}
