import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface DelayingLink {
  readonly port: number;
  /** Bytes that went to the far end, and came back. */
  readonly carried: { there: number; back: number };
  close(): void;
}

/** Most bytes that may be on their way in one direction: a peer that is faster waits, as on a real line. */
const ON_THE_WAY = 4 << 20;

/** A way to a port of this host on which every byte takes `delayMs`, in both directions, and keeps its place. */
export async function delayingLink(port: number, delayMs: number): Promise<DelayingLink> {
  const sockets = new Set<Socket>();
  const carried = { there: 0, back: 0 };
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        // After what is still on its way.
        setTimeout(() => (socket === near ? far : near).destroy(), delayMs);
      });
    }
    delay(near, far, delayMs, (bytes) => {
      carried.there += bytes;
    });
    delay(far, near, delayMs, (bytes) => {
      carried.back += bytes;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    carried,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function delay(from: Socket, to: Socket, delayMs: number, carried: (bytes: number) => void): void {
  let onTheWay = 0;
  from.on('data', (chunk) => {
    onTheWay += chunk.length;
    if (onTheWay > ON_THE_WAY) from.pause();
    setTimeout(() => {
      onTheWay -= chunk.length;
      carried(chunk.length);
      if (to.writable) to.write(chunk);
      if (onTheWay <= ON_THE_WAY) from.resume();
    }, delayMs);
  });
  from.on('end', () => setTimeout(() => to.end(), delayMs));
}
