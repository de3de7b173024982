import { type Operation, OperationSchema } from '../../protocol/operation.ts';
import type { ProblemCode } from '../../protocol/problems.ts';
import { operationSigningText } from '../../protocol/wire.ts';

export interface OfferContext {
  readonly isSigned: (text: string, signature: string) => boolean;
  readonly runner: string;
  readonly replica: string;
  /** The coordinator's clock, as far as the agent knows it. */
  readonly coordinatorNow: number;
}

export interface Refusal {
  readonly code: ProblemCode;
  readonly detail: string;
}

export type CheckedOffer =
  | { readonly kind: 'sound'; readonly operation: Operation }
  | { readonly kind: 'refused'; readonly operation: string; readonly attempt: number; readonly refusal: Refusal }
  | { readonly kind: 'unreadable'; readonly detail: string };

/** The rules that an operation must pass, in order; the first that fails is the answer. */
const RULES: readonly ((operation: Operation, context: OfferContext) => Refusal | null)[] = [
  (operation, { runner, replica }) =>
    operation.runner === runner && operation.replica === replica
      ? null
      : { code: 'operation-not-mine', detail: `It is addressed to replica ${operation.replica}, this is ${replica}.` },
  (operation, { coordinatorNow }) => {
    const late = coordinatorNow - operation.acceptBefore;
    if (late <= 0) return null;
    return { code: 'operation-expired', detail: `It had to be accepted ${Math.ceil(late / 1000)} s ago.` };
  },
];

/**
 * Decides whether an offered operation is genuine, for this replica and in time. The signature is over the text as it came,
 * so it is checked before anything in it is believed.
 */
export function checkOffer(payload: string, signature: string, context: OfferContext): CheckedOffer {
  const signed = context.isSigned(operationSigningText(payload), signature);
  let operation: Operation;
  try {
    operation = OperationSchema.parse(JSON.parse(payload));
  } catch (error) {
    return { kind: 'unreadable', detail: error instanceof Error ? error.message : String(error) };
  }
  const refused = (refusal: Refusal): CheckedOffer => ({
    kind: 'refused',
    operation: operation.operation,
    attempt: operation.attempt,
    refusal,
  });
  if (!signed)
    return refused({
      code: 'operation-signature',
      detail: 'No key of the coordinator that is believed has signed it.',
    });
  for (const rule of RULES) {
    const refusal = rule(operation, context);
    if (refusal !== null) return refused(refusal);
  }
  return { kind: 'sound', operation };
}
