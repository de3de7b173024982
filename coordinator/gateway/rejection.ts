import type { OutrunnerError } from '../../protocol/problems.ts';
import { rejectionSigningText, type ToAgent } from '../../protocol/wire.ts';
import type { Session } from './session.ts';
import type { TrustBook } from './trust-book.ts';

/**
 * The message that turns an agent away, once it has said hello: signed as its welcome would be, because an agent that can
 * be told off by anybody who answers at the coordinator's address could be ended by them.
 */
export function rejection(
  trust: TrustBook,
  session: Session,
  problem: Pick<OutrunnerError, 'code' | 'message' | 'todo'>,
): ToAgent {
  const { code, message: detail, todo } = problem;
  const { hello, told } = session;
  if (hello === null) return { type: 'rejected', code, detail, todo };
  const publicKey = trust.signerFor(session.believed);
  const signature = trust.sign(rejectionSigningText(hello.nonce, hello.replica, code), publicKey);
  const news = told === null ? null : trust.newsFor(told);
  return {
    type: 'rejected',
    code,
    detail,
    todo,
    proof: { publicKey, signature },
    ...(news === null ? {} : { trust: news }),
  };
}
