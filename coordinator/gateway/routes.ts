import { EnrolRequestSchema } from '../../protocol/enrolment.ts';
import { MAX_POLL_BYTES, POLL_CONTENT_TYPE, POLL_PATH } from '../../protocol/polling.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { ENROL_PATH } from '../../protocol/wire.ts';
import type { ServeBytes, ServeOpen } from '../http/call.ts';
import type { Gateway } from './gateway.ts';

const MAX_ENROLMENT_BYTES = 64 << 10;
/** Who has no session yet has little to say. */
const MAX_OPENING_BYTES = 1024;

/** `POST /runner/v1/enrol`: agents trade their token for an identity. */
export function serveEnrolment(serveOpen: ServeOpen, gateway: Pick<Gateway, 'enrol'>): void {
  serveOpen({
    path: ENROL_PATH,
    body: EnrolRequestSchema,
    maxBodyBytes: MAX_ENROLMENT_BYTES,
    handler: (request, { address }) => gateway.enrol(request, address),
  });
}

/** `POST /runner/v1/poll`: the messages of a connection over plain HTTP. */
export function servePolling(serveBytes: ServeBytes, { polls }: Pick<Gateway, 'polls'>): void {
  serveBytes({
    path: POLL_PATH,
    contentType: POLL_CONTENT_TYPE,
    maxBodyBytes: MAX_POLL_BYTES,
    // Before the body is read: strangers cannot make us hold megabytes.
    admit(headers) {
      const session = sessionOf(headers.authorization);
      if (session !== null) {
        if (!polls.knows(session)) throw new OutrunnerError('poll-session-unknown');
        return;
      }
      if (!(Number(headers['content-length']) <= MAX_OPENING_BYTES)) throw new OutrunnerError('body-too-large');
    },
    handler: (body, { headers, address, way }) =>
      polls.answer({ session: sessionOf(headers.authorization), body, address, way }),
  });
}

function sessionOf(authorization: string | undefined): string | null {
  return /^Bearer (\S+)$/.exec(authorization ?? '')?.[1] ?? null;
}
