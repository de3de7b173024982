import type { Clock } from '../../protocol/clock.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION } from '../../protocol/version.ts';
import { type Hello, helloSigningText } from '../../protocol/wire.ts';
import type { Store } from '../store/store.ts';
import { isSignedBy } from './signatures.ts';

export interface Admitted {
  readonly replicaId: string;
  readonly runnerId: string;
  /** Number of this session; higher than that of every earlier one of this replica. */
  readonly epoch: number;
  /** Operations at once, as the administrator set it. */
  readonly maxOperations: number;
}

/**
 * Decides whether the agent that sent `hello` is who it says, and counts its session.
 * @throws Turned with `protocol-unsupported`, `replica-unknown`, `replica-revoked` or `signature-refused`.
 */
export async function admitAgent(
  deps: { store: Store; clock: Clock },
  nonce: string,
  hello: Hello,
  address: string,
): Promise<Admitted> {
  if (hello.protocol < OLDEST_PROTOCOL_VERSION || hello.protocol > PROTOCOL_VERSION) {
    throw new OutrunnerError('protocol-unsupported', {
      detail: `The agent speaks version ${hello.protocol}, the coordinator ${OLDEST_PROTOCOL_VERSION} to ${PROTOCOL_VERSION}.`,
    });
  }
  const known = await deps.store.read
    .selectFrom('replica')
    .select(['signing_key', 'revoked_at'])
    .where('id', '=', hello.replica)
    .executeTakeFirst();
  if (known === undefined) throw new OutrunnerError('replica-unknown');
  // The signature first: who cannot sign is told nothing about the identity.
  if (!isSignedBy(known.signing_key, helloSigningText(nonce, hello), hello.signature)) {
    throw new OutrunnerError('signature-refused');
  }
  if (known.revoked_at !== null) throw new OutrunnerError('replica-revoked');
  return deps.store.write(async (tx) => {
    const row = await tx
      .updateTable('replica')
      .set((eb) => ({
        epoch: eb('epoch', '+', 1),
        facts: JSON.stringify(hello.host),
        address,
        started_at: Number.isFinite(hello.startedAt) ? Math.round(hello.startedAt) : null,
        said_goodbye: 0 as const,
        last_seen: deps.clock.now(),
        maximum: hello.maximum,
      }))
      .where('id', '=', hello.replica)
      .where('revoked_at', 'is', null)
      .returning(['runner_id', 'epoch'])
      .executeTakeFirst();
    if (row === undefined) throw new OutrunnerError('replica-revoked');
    const runner = await tx
      .selectFrom('runner')
      .select('max_operations')
      .where('id', '=', row.runner_id)
      .executeTakeFirstOrThrow();
    return {
      replicaId: hello.replica,
      runnerId: row.runner_id,
      epoch: row.epoch,
      maxOperations: runner.max_operations,
    };
  });
}
