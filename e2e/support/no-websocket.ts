import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface NoWebSocket {
  readonly url: string;
  /** How many WebSockets were refused. */
  refused(): number;
  /** Paths and `Range` of what was asked for, in order. */
  readonly asked: readonly { readonly path: string; readonly range: string | undefined }[];
  /** Cuts the connection of the next answer of which so many bytes have gone through. */
  cutAfter(bytes: number): void;
  stop(): void;
}

/** A proxy in front of a port of this host that lets plain HTTP through and answers every WebSocket with 403. */
export async function withoutWebSocket(port: number): Promise<NoWebSocket> {
  let refused = 0;
  let cutAfter = Number.POSITIVE_INFINITY;
  const asked: { path: string; range: string | undefined }[] = [];
  const server = createServer((request, response) => {
    const { method, url, headers } = request;
    asked.push({ path: url ?? '', range: headers.range });
    const far = httpRequest({ host: '127.0.0.1', port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      let sent = 0;
      answer.on('data', (chunk: Buffer) => {
        sent += chunk.length;
        if (sent < cutAfter) return;
        cutAfter = Number.POSITIVE_INFINITY;
        request.socket.destroy();
      });
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
    asked,
    cutAfter(bytes) {
      cutAfter = bytes;
    },
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
