import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A proxy in front of a port of this host that lets plain HTTP through and answers every WebSocket with 403. */
export async function withoutWebSocket(port: number): Promise<{ url: string; refused(): number; stop(): void }> {
  let refused = 0;
  const server = createServer((request, response) => {
    const { method, url, headers } = request;
    const far = httpRequest({ host: '127.0.0.1', port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    far.on('error', () => request.socket.destroy());
    response.on('close', () => far.destroy());
    request.pipe(far);
  });
  server.on('upgrade', (_request, socket: Socket) => {
    refused += 1;
    socket.on('error', () => socket.destroy());
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    refused: () => refused,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
