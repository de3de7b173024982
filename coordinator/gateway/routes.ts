import { EnrolRequestSchema } from '../../protocol/enrolment.ts';
import { ENROL_PATH } from '../../protocol/wire.ts';
import type { ServeOpen } from '../http/call.ts';
import type { Gateway } from './gateway.ts';

const MAX_ENROLMENT_BYTES = 64 << 10;

/** `POST /runner/v1/enrol`: the one call that agents make over plain HTTP. */
export function serveEnrolment(serveOpen: ServeOpen, gateway: Pick<Gateway, 'enrol'>): void {
  serveOpen({
    path: ENROL_PATH,
    body: EnrolRequestSchema,
    maxBodyBytes: MAX_ENROLMENT_BYTES,
    handler: (request, { address }) => gateway.enrol(request, address),
  });
}
