import { TRUST_PATH, type TrustAnnouncement, TrustAnnouncementSchema } from '../../protocol/trust.ts';
import { explainFailure } from '../connection/explain-failure.ts';
import { httpCall, httpExchange, LARGEST_ANSWER, parseJson } from '../connection/http-call.ts';
import { CONNECT_DEADLINE_MS, type Transport } from '../connection/transport.ts';

/**
 * What whoever answers at the coordinator's address announces; null when that is nothing. No certificate is asked for, so
 * nothing is sent but the request, and nothing is to be believed but what a key that is believed has signed.
 */
export async function fetchTrust(transport: Transport, stop?: AbortSignal): Promise<TrustAnnouncement | null> {
  try {
    const { status, body } = await httpExchange(transport, {
      method: 'GET',
      path: TRUST_PATH,
      headers: { accept: 'application/json' },
      options: { ...transport.requestOptions(), rejectUnauthorized: false },
      longestAnswer: LARGEST_ANSWER,
      signal: AbortSignal.any([AbortSignal.timeout(CONNECT_DEADLINE_MS), ...(stop === undefined ? [] : [stop])]),
    });
    const announced = TrustAnnouncementSchema.safeParse(parseJson(body.toString('utf8')));
    return status === 200 && announced.success ? announced.data : null;
  } catch {
    return null; // What is in the way was said already: it is why this is asked at all.
  }
}

/** Whether the coordinator's certificate is taken when only these authorities are trusted beside the system's; null: it is. */
export async function tryAuthorities(transport: Transport, own: readonly string[]): Promise<string | null> {
  if (transport.origin.protocol !== 'https:') return null;
  try {
    // Whatever the answer says: it came from who has a certificate that is taken.
    await httpCall(transport.withAuthorities(own), 'GET', TRUST_PATH);
    return null;
  } catch (error) {
    return explainFailure(error, transport).detail;
  }
}
