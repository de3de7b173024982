import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface SocksProxy {
  readonly port: number;
  /** Targets that were asked for, in order: version, kind of address, target, and who asked. */
  readonly asked: string[];
  /** Answer with this code instead of connecting. */
  deny: number | null;
  /** Cuts all tunnels, as a proxy that is restarted does. */
  cut(): void;
}

const DENIED_V4 = 91;
const GRANTED_V4 = 90;

/** A small SOCKS proxy of versions 4, 4a and 5 that knows CONNECT alone, in version 5 optionally with name and password. */
export async function socksProxy(credentials?: string): Promise<SocksProxy> {
  const tunnels = new Set<Socket>();
  const server = createServer((client) => {
    tunnels.add(client);
    client.on('close', () => tunnels.delete(client));
    client.on('error', () => client.destroy());
    serve(client).catch(() => client.destroy());
  });

  async function serve(client: Socket): Promise<void> {
    const read = reader(client);
    const version = (await read(1))[0];
    if (version === 4) await serveVersion4(client, read);
    else if (version === 5) await serveVersion5(client, read);
    else client.destroy();
  }

  async function serveVersion4(client: Socket, read: Read): Promise<void> {
    const head = await read(7);
    const user = await readText(read);
    const isName = head[3] === 0 && head[4] === 0 && head[5] === 0 && head[6] !== 0;
    const host = isName ? await readText(read) : Array.from(head.subarray(3)).join('.');
    const port = head.readUInt16BE(1);
    proxy.asked.push(`${isName ? '4a name' : '4 ipv4'} ${host}:${port}${user === '' ? '' : ` as ${user}`}`);
    if (proxy.deny !== null) {
      client.end(Buffer.from([0, DENIED_V4, 0, 0, 0, 0, 0, 0]));
      return;
    }
    await join(client, host, port, Buffer.from([0, GRANTED_V4, 0, 0, 0, 0, 0, 0]));
  }

  async function serveVersion5(client: Socket, read: Read): Promise<void> {
    const methods = await read((await read(1))[0] ?? 0);
    const wanted = credentials === undefined ? 0 : 2;
    if (!methods.includes(wanted)) {
      client.end(Buffer.from([5, 255]));
      return;
    }
    client.write(Buffer.from([5, wanted]));
    let who = '';
    if (wanted === 2) {
      await read(1);
      const user = await read((await read(1))[0] ?? 0);
      const password = await read((await read(1))[0] ?? 0);
      const isRight = `${user.toString()}:${password.toString()}` === credentials;
      client.write(Buffer.from([1, isRight ? 0 : 1]));
      if (!isRight) {
        client.end();
        return;
      }
      who = ` as ${user.toString()}`;
    }
    const kind = (await read(4))[3];
    const [what, host] = await readAddress(read, kind);
    const port = (await read(2)).readUInt16BE(0);
    proxy.asked.push(`5 ${what} ${host}:${port}${who}`);
    const answer = (code: number) => Buffer.from([5, code, 0, 1, 0, 0, 0, 0, 0, 0]);
    if (proxy.deny === null) await join(client, host, port, answer(0));
    else client.end(answer(proxy.deny));
  }

  async function join(client: Socket, host: string, port: number, granted: Buffer): Promise<void> {
    const far = connect(port, host);
    tunnels.add(far);
    far.on('error', () => client.destroy());
    far.on('close', () => client.destroy());
    client.on('close', () => far.destroy());
    await once(far, 'connect');
    client.write(granted);
    client.pipe(far).pipe(client);
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: SocksProxy = {
    port: (server.address() as AddressInfo).port,
    asked: [],
    deny: null,
    cut() {
      for (const socket of tunnels) socket.destroy();
    },
  };
  onTestFinished(() => {
    proxy.cut();
    server.close();
  });
  return proxy;
}

type Read = (bytes: number) => Promise<Buffer>;

/** Reads exact numbers of bytes, and leaves the rest in the stream. */
function reader(socket: Socket): Read {
  return async (bytes) => {
    for (;;) {
      const chunk: unknown = bytes === 0 ? Buffer.alloc(0) : socket.read(bytes);
      if (chunk instanceof Buffer) return chunk;
      await once(socket, 'readable');
    }
  };
}

async function readText(read: Read): Promise<string> {
  let text = '';
  for (;;) {
    const byte = (await read(1))[0] ?? 0;
    if (byte === 0) return text;
    text += String.fromCharCode(byte);
  }
}

async function readAddress(read: Read, kind: number | undefined): Promise<readonly [string, string]> {
  if (kind === 1) return ['ipv4', Array.from(await read(4)).join('.')];
  if (kind === 3) return ['name', (await read((await read(1))[0] ?? 0)).toString()];
  const parts = Array.from({ length: 8 }, async () => (await read(2)).readUInt16BE(0).toString(16));
  return ['ipv6', (await Promise.all(parts)).join(':')];
}
