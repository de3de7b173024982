import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { StartError } from '../start-error.ts';

/** Whether an address is one of the declared proxies. */
export type IsProxy = (address: string) => boolean;

/** Reads `127.0.0.1,10.0.0.0/8,fd00::/8`. @throws StartError that names the part that is no address. */
export function trustedProxies(declared: readonly string[]): IsProxy {
  const list = new BlockList();
  for (const entry of declared) {
    const [address = '', bits, ...rest] = entry.split('/');
    const kind = isIP(address);
    const longest = kind === 4 ? 32 : 128;
    const prefix = bits === undefined ? longest : Number(bits);
    if (kind === 0 || rest.length > 0 || !Number.isInteger(prefix) || prefix < 0 || prefix > longest) {
      throw new StartError('settings', `--trusted-proxy: “${entry}” is no address and no network like 10.0.0.0/8.`);
    }
    list.addSubnet(address, prefix, kind === 4 ? 'ipv4' : 'ipv6');
  }
  return (address) => {
    const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
    const kind = isIP(plain);
    return kind !== 0 && list.check(plain, kind === 4 ? 'ipv4' : 'ipv6');
  };
}

/** Who is at the other end: the address of the socket, or what declared proxies say of it. */
export function peerAddress(request: IncomingMessage, isProxy: IsProxy): string {
  const socket = request.socket.remoteAddress ?? '';
  if (!isProxy(socket)) return socket;
  const header = request.headers['x-forwarded-for'];
  const hops = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',').map((hop) => hop.trim());
  // From the right: each proxy adds who it saw; what stands left of the first stranger anybody may have written.
  for (const hop of hops.reverse()) if (isIP(hop) !== 0 && !isProxy(hop)) return hop;
  return socket;
}
