import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface ConnectProxy {
  readonly url: string;
  readonly port: number;
  /** Targets that were asked for, in order. */
  readonly asked: string[];
  /** What was refused for want of the right password. */
  refused: number;
  /** Answer with this status instead of connecting. */
  deny: number | null;
  /** Cuts all tunnels, as a proxy that is restarted does. */
  cut(): void;
}

/** A small HTTP proxy that knows CONNECT alone, optionally with basic authentication. */
export async function connectProxy(credentials?: string): Promise<ConnectProxy> {
  const tunnels = new Set<Socket>();
  const server = createServer((_request, response) => response.writeHead(405).end());
  server.on('connect', (request, client: Socket, head) => {
    // Also when it is refused: who is told no may reset the connection.
    client.on('error', () => client.destroy());
    const target = request.url ?? '';
    proxy.asked.push(target);
    if (credentials !== undefined) {
      const expected = `Basic ${Buffer.from(credentials).toString('base64')}`;
      if (request.headers['proxy-authorization'] !== expected) {
        proxy.refused += 1;
        client.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="test"\r\n\r\n');
        return;
      }
    }
    if (proxy.deny !== null) {
      client.end(`HTTP/1.1 ${proxy.deny} No\r\n\r\n`);
      return;
    }
    const colon = target.lastIndexOf(':');
    const upstream = connect(Number(target.slice(colon + 1)), target.slice(0, colon));
    for (const socket of [client, upstream]) {
      tunnels.add(socket);
      socket.on('close', () => tunnels.delete(socket));
      socket.on('error', () => socket.destroy());
    }
    upstream.on('connect', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.write(head);
      client.pipe(upstream).pipe(client);
    });
    upstream.on('close', () => client.destroy());
    client.on('close', () => upstream.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const proxy: ConnectProxy = {
    url: `http://${credentials === undefined ? '' : `${credentials}@`}127.0.0.1:${port}`,
    port,
    asked: [],
    refused: 0,
    deny: null,
    cut() {
      for (const socket of tunnels) socket.destroy();
    },
  };
  onTestFinished(async () => {
    proxy.cut();
    server.closeAllConnections();
    server.close();
  });
  return proxy;
}
