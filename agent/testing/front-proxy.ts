import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';

/** What becomes of a WebSocket here. */
export type UpgradeFate =
  | 'passes'
  /** Answered with 403. */
  | 'refused'
  /** The header of the upgrade is left out, as old proxies do. */
  | 'stripped'
  /** Opened, and closed before a word is said. */
  | 'closed'
  /** Opened, and never heard of again. */
  | 'silent'
  /** The connection is reset. */
  | 'cut';

/** What becomes of one call. */
export type CallFate = 'passes' | 'call lost' | 'answer lost' | 'answer cut' | 'refused';

export interface FrontProxy {
  readonly port: number;
  readonly url: string;
  upgrades: UpgradeFate;
  /** Asked for each call. */
  fateOf: (request: IncomingMessage) => CallFate;
  /** Upgrades and calls that came, in order. */
  readonly seen: string[];
  /** Connections that were opened to it. */
  connections: number;
  /** Cuts everything that is open. */
  cut(): void;
}

/** A reverse proxy in front of a port of this host, as load balancers and inspecting firewalls are. */
export async function frontProxy(port: number, upgrades: UpgradeFate = 'passes'): Promise<FrontProxy> {
  const sockets = new Set<Socket>();
  const opener = new WebSocketServer({ noServer: true });
  const server = createServer((request, response) => {
    proxy.seen.push(`${request.method} ${request.url}`);
    forward(request, response, port, proxy.fateOf(request));
  });
  server.on('connection', (socket: Socket) => {
    proxy.connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (request, client: Socket, head) => {
    proxy.seen.push('upgrade');
    client.on('error', () => client.destroy());
    switch (proxy.upgrades) {
      case 'refused':
        return client.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      case 'cut':
        return client.resetAndDestroy();
      case 'closed':
        return opener.handleUpgrade(request, client, head, (socket) => socket.terminate());
      case 'silent':
        return opener.handleUpgrade(request, client, head, () => undefined);
      case 'passes':
      case 'stripped':
    }
    const far = connect(port, 'localhost');
    far.on('error', () => client.destroy());
    far.on('close', () => client.destroy());
    client.on('close', () => far.destroy());
    sockets.add(far);
    const headers = Object.entries(request.headers).filter(
      ([name]) => proxy.upgrades === 'passes' || !/^(?:upgrade|connection|sec-.*)$/.test(name),
    );
    far.write(`GET ${request.url} HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
    far.write(head);
    far.pipe(client).pipe(far);
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const { port: own } = server.address() as AddressInfo;
  const proxy: FrontProxy = {
    port: own,
    url: `http://localhost:${own}`,
    upgrades,
    fateOf: () => 'passes',
    seen: [],
    connections: 0,
    cut() {
      for (const socket of sockets) socket.destroy();
    },
  };
  onTestFinished(() => {
    proxy.cut();
    server.closeAllConnections();
    server.close();
  });
  return proxy;
}

function forward(request: IncomingMessage, response: ServerResponse, port: number, fate: CallFate): void {
  if (fate === 'call lost') {
    request.socket.destroy();
    return;
  }
  if (fate === 'refused') {
    request.resume();
    response.writeHead(502).end('bad gateway');
    return;
  }
  const { method, url, headers } = request;
  const far = httpRequest({ host: 'localhost', port, method, path: url, headers }, (answer) => {
    if (fate === 'answer lost') {
      answer.resume();
      answer.once('end', () => request.socket.destroy());
      return;
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    if (fate === 'answer cut') {
      answer.once('data', (chunk: Buffer) => {
        response.write(chunk.subarray(0, chunk.length / 2));
        setImmediate(() => request.socket.destroy());
      });
      return;
    }
    answer.pipe(response);
  });
  far.on('error', () => request.socket.destroy());
  response.on('close', () => far.destroy());
  request.pipe(far);
}
