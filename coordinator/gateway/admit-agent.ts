import type { Clock } from '../../protocol/clock.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { PROTOCOL_RANGE, type ProtocolRange, protocolStanding } from '../../protocol/version.ts';
import { type Hello, helloSigningText } from '../../protocol/wire.ts';
import type { Store } from '../store/store.ts';
import { protocolRefused } from './protocol-refused.ts';
import { isSignedBy } from './signatures.ts';

export interface Admitted {
  readonly replicaId: string;
  readonly runnerId: string;
  /** Number of this session; higher than that of every earlier one of this replica. */
  readonly epoch: number;
  /** Operations at once, as the administrator set it. */
  readonly maxOperations: number;
  /** false: it is let in to be upgraded, and gets no work. */
  readonly speaksProtocol: boolean;
  /** The newest key of the coordinator that was noted for it, after this hello; null: none. */
  readonly believedKey: string | null;
  readonly trustSerial: number | null;
  readonly trustProblem: string | null;
}

/**
 * Decides whether the agent that sent `hello` is who it says, and counts its session.
 * @throws Turned with `protocol-unsupported`, `protocol-too-new`, `replica-unknown`, `replica-revoked` or `signature-refused`.
 */
export async function admitAgent(
  deps: { readonly store: Store; readonly clock: Clock; readonly protocols?: ProtocolRange },
  nonce: string,
  hello: Hello,
  address: string,
): Promise<Admitted> {
  const range = deps.protocols ?? PROTOCOL_RANGE;
  const refused = protocolRefused(hello.protocol, hello.host, range);
  if (refused !== null) throw refused;
  const known = await deps.store.read
    .selectFrom('replica')
    .select(['signing_key', 'revoked_at', 'believed_key', 'trust_serial', 'trust_problem'])
    .where('id', '=', hello.replica)
    .executeTakeFirst();
  if (known === undefined) throw new OutrunnerError('replica-unknown');
  // The signature first: who cannot sign is told nothing about the identity.
  if (!isSignedBy(known.signing_key, helloSigningText(nonce, hello), hello.signature)) {
    throw new OutrunnerError('signature-refused');
  }
  if (known.revoked_at !== null) throw new OutrunnerError('replica-revoked');
  const trust = trustOf(hello, known);
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
        ...trust,
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
      speaksProtocol: protocolStanding(hello.protocol, range) === 'works',
      believedKey: trust.believed_key,
      trustSerial: trust.trust_serial,
      trustProblem: trust.trust_problem,
    };
  });
}

/** Whether the hello comes from who holds the key of the replica that it names, also when it speaks another protocol. */
export async function isGenuine(store: Store, nonce: string, hello: Hello): Promise<boolean> {
  const known = await store.read
    .selectFrom('replica')
    .select('signing_key')
    .where('id', '=', hello.replica)
    .executeTakeFirst();
  return known !== undefined && isSignedBy(known.signing_key, helloSigningText(nonce, hello), hello.signature);
}

interface NotedTrust {
  readonly believed_key: string | null;
  readonly trust_serial: number | null;
  readonly trust_problem: string | null;
}

/** What its row says of whom it believes: what it says itself; of one that says nothing, the key that was noted. */
function trustOf({ trust }: Hello, known: NotedTrust): NotedTrust {
  if (trust === undefined) return { believed_key: known.believed_key, trust_serial: null, trust_problem: null };
  const believed_key = trust.keys[0] ?? null;
  const isSame = believed_key === known.believed_key && trust.serial === known.trust_serial;
  // What kept it from using an announcement holds until it has another.
  return { believed_key, trust_serial: trust.serial, trust_problem: isSame ? known.trust_problem : null };
}
