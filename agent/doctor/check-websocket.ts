import { WebSocket } from 'ws';
import { CONNECT_PATH, ToAgentSchema } from '../../protocol/wire.ts';
import { UnexpectedAnswer } from '../connection/explain-failure.ts';
import { CONNECT_DEADLINE_MS, type Transport } from '../connection/transport.ts';

/** Opens the connection that `run` would open, waits for the coordinator's first word, and leaves without answering. */
export function readChallenge(
  transport: Transport,
): Promise<{ readonly protocol: number; readonly oldestProtocol: number }> {
  return new Promise((resolve, reject) => {
    const url = new URL(CONNECT_PATH, transport.origin);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    let proxyStatus = 200;
    const socket = new WebSocket(url, {
      ...transport.requestOptions((status) => {
        proxyStatus = status;
      }),
      perMessageDeflate: false,
      handshakeTimeout: CONNECT_DEADLINE_MS,
    });
    socket.on('error', reject);
    socket.on('close', (code) => reject(new Error(`it was closed before a word was said (${code})`)));
    socket.on('unexpected-response', (request, answer) => {
      request.destroy();
      reject(new UnexpectedAnswer(proxyStatus === 200 ? (answer.statusCode ?? 0) : proxyStatus, proxyStatus !== 200));
    });
    socket.on('message', (data: Buffer) => {
      try {
        const message = ToAgentSchema.parse(JSON.parse(data.toString('utf8')));
        if (message.type === 'challenge') resolve(message);
        else reject(new Error(`its first word is "${message.type}"`));
      } catch {
        reject(new Error('what answers there is no coordinator'));
      }
      socket.close(1000);
    });
  });
}
