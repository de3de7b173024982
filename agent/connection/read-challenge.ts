import type { Clock } from '../../protocol/clock.ts';
import { ToAgentSchema } from '../../protocol/wire.ts';
import { parseJson } from './http-call.ts';
import type { OpenLink } from './link.ts';
import { CONNECT_DEADLINE_MS } from './transport.ts';

/** Opens a link as `run` would, waits for the coordinator's first word, and leaves without answering. */
export function readChallenge(
  open: OpenLink,
  clock: Clock,
): Promise<{ readonly protocol: number; readonly oldestProtocol: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ protocol: number; oldestProtocol: number }>();
  const timer = clock.after(CONNECT_DEADLINE_MS, () =>
    reject(Object.assign(new Error('No answer in time.'), { code: 'ETIMEDOUT' })),
  );
  const link = open({
    heard: () => undefined,
    received(data) {
      const message = ToAgentSchema.safeParse(parseJson(data.toString('utf8')));
      if (message.data?.type === 'challenge') resolve(message.data);
      else if (message.success) reject(new Error(`its first word is "${message.data.type}"`));
      else reject(new Error('what answers there is no coordinator'));
    },
    closed: (code) => reject(new Error(`it was closed before a word was said (${code})`)),
    failed: reject,
  });
  return promise.finally(() => {
    timer.cancel();
    link.terminate();
  });
}
