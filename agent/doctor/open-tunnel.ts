import { lookup } from 'node:dns/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import { SocksClient } from 'socks';
import { UnexpectedAnswer } from '../connection/explain-failure.ts';
import { CONNECT_DEADLINE_MS, isSocks, type Transport } from '../connection/transport.ts';

/** Where a connection goes first: the proxy when there is one, else the coordinator. */
export function firstHop({ proxy, origin }: Transport): { readonly host: string; readonly port: number } {
  const url = proxy ?? origin;
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: portOf(url) };
}

export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  if (isSocks(url)) return 1080;
  return url.protocol === 'https:' ? 443 : 80;
}

/** A bare TCP connection to the first hop. */
export function openFirstHop(transport: Transport): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...firstHop(transport), timeout: CONNECT_DEADLINE_MS });
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
    socket.once('timeout', () => socket.destroy(Object.assign(new Error('No answer in time.'), { code: 'ETIMEDOUT' })));
  });
}

/** A connection to the coordinator on which nothing was said yet: through the proxy when there is one. */
export async function openTunnel(transport: Transport): Promise<Socket> {
  const { proxy, origin } = transport;
  if (proxy === null) return await openFirstHop(transport);
  if (isSocks(proxy)) return await openSocksTunnel(proxy, transport);
  return await new Promise((resolve, reject) => {
    const target = `${origin.hostname}:${portOf(origin)}`;
    const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
    const encrypted = proxy.protocol === 'https:';
    const { secureContext } = transport.requestOptions();
    const call = (encrypted ? httpsRequest : httpRequest)({
      ...(encrypted && secureContext ? { secureContext } : {}),
      ...firstHop(transport),
      method: 'CONNECT',
      path: target,
      agent: false,
      headers: {
        host: target,
        ...(credentials === ':'
          ? {}
          : { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }),
      },
      signal: AbortSignal.timeout(CONNECT_DEADLINE_MS),
    });
    call.once('connect', (answer, socket) => {
      if (answer.statusCode === 200) resolve(socket as Socket);
      else {
        socket.destroy();
        reject(new UnexpectedAnswer(answer.statusCode ?? 0, true));
      }
    });
    call.once('response', (answer) => {
      answer.resume();
      reject(new UnexpectedAnswer(answer.statusCode ?? 0, true));
    });
    call.once('error', reject);
    call.end();
  });
}

async function openSocksTunnel(proxy: URL, transport: Transport): Promise<Socket> {
  const { origin } = transport;
  const name = origin.hostname.replace(/^\[|\]$/g, '');
  // `socks5` and `socks4` want an address from us; the others find the name themselves.
  const isOurs = proxy.protocol === 'socks5:' || proxy.protocol === 'socks4:';
  const host = isOurs ? (await lookup(name, proxy.protocol === 'socks4:' ? 4 : 0)).address : name;
  const { socket } = await SocksClient.createConnection({
    proxy: {
      ...firstHop(transport),
      type: proxy.protocol.startsWith('socks4') ? 4 : 5,
      userId: decodeURIComponent(proxy.username),
      password: decodeURIComponent(proxy.password),
    },
    destination: { host, port: portOf(origin) },
    command: 'connect',
    timeout: CONNECT_DEADLINE_MS,
  });
  return socket;
}
