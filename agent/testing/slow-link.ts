import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/**
 * A link to a port of this host that carries so many bytes per second towards it, and delays each of them. Little is held
 * inside: who writes faster feels it.
 */
export async function slowLink(port: number, bytesPerSecond: number, delayMs: number): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, 'localhost');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
    near.on('close', () => far.destroy());
    // After what is still under way: the end of an answer is no faster than the answer.
    far.on('close', () => setTimeout(() => near.end(), delayMs));
    far.on('data', (chunk) => setTimeout(() => near.write(chunk), delayMs));
    near.on('data', (chunk) => {
      near.pause();
      setTimeout(() => far.write(chunk), delayMs);
      setTimeout(() => near.resume(), (chunk.length / bytesPerSecond) * 1000);
    });
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
