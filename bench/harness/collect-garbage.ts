import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { RunningProgram } from './process.ts';

/** What a Node process is started with so that {@link collectGarbage} can ask it. */
export const INSPECTABLE = '--inspect=127.0.0.1:0';

/**
 * Has a Node process that was started {@link INSPECTABLE} collect its garbage twice, through the inspector: no line of the
 * program is different for it. What is resident afterwards is what it needs, not what it has not yet tidied up.
 */
export async function collectGarbage(program: RunningProgram): Promise<void> {
  const [, address] = await program.line(/Debugger listening on (ws:\S+)/);
  const socket = new WebSocket(address as string, { perMessageDeflate: false });
  await once(socket, 'open');
  for (let id = 1; id <= 2; id++) {
    const answered = once(socket, 'message');
    socket.send(JSON.stringify({ id, method: 'HeapProfiler.collectGarbage' }));
    await answered;
  }
  socket.close();
  await once(socket, 'close');
}
