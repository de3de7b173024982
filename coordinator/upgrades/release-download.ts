import { createHmac, timingSafeEqual } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { z } from 'zod';
import { route } from '../../protocol/api/route.ts';
import type { Clock } from '../../protocol/clock.ts';
import { type PlatformTarget, PlatformTargetSchema } from '../../protocol/enrolment.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { executableFor } from '../../protocol/release.ts';
import { RELEASE_PATH } from '../../protocol/upgrade.ts';
import type { ApiServer } from '../http/api-server.ts';
import type { CallContext, StreamAnswer } from '../http/call.ts';
import type { ReleaseFolder } from '../packages/release-folder.ts';
import { askedRange } from '../packages/send-archive.ts';

/** A ticket lets its replica begin downloads for so long. */
const TICKET_MS = 24 * 3_600_000;

const releaseRow = route({
  method: 'GET',
  path: RELEASE_PATH,
  summary: 'The compressed executable of a platform, for a replica that was ordered to upgrade',
  access: 'anyone',
  params: z.object({ platform: PlatformTargetSchema }),
  status: 200,
  stream: { contentType: 'application/octet-stream', description: 'the file that the manifest names' },
});

/** Lets a replica fetch the executable of its platform for a day. It holds no secret: whoever has it gets what packages hold. */
export function releaseTicket(secret: Buffer, replicaId: string, platform: PlatformTarget, now: number): string {
  const text = `${replicaId}.${platform}.${now + TICKET_MS}`;
  return `${text}.${mac(secret, text)}`;
}

/** Whether a ticket is for this platform, was made here and is still good. */
export function isTicketFor(secret: Buffer, ticket: string, platform: PlatformTarget, now: number): boolean {
  const [replica = '', forPlatform = '', until = '', proof = ''] = ticket.split('.');
  const made = Buffer.from(mac(secret, `${replica}.${forPlatform}.${until}`));
  const given = Buffer.from(proof);
  return (
    made.length === given.length && timingSafeEqual(made, given) && forPlatform === platform && Number(until) > now
  );
}

/** Serves the executables of the release to agents that hold a ticket; parts of them too, so that a download can go on. */
export function serveReleases(
  api: Pick<ApiServer, 'serveAt'>,
  { folder, secret, clock }: { readonly folder: ReleaseFolder; readonly secret: Buffer; readonly clock: Clock },
): void {
  api.serveAt(`${RELEASE_PATH}/:platform`, releaseRow, async ({ params: { platform } }, context) => {
    const ticket = /^Bearer (\S{1,500})$/.exec(context.headers.authorization ?? '')?.[1] ?? '';
    if (!isTicketFor(secret, ticket, platform, clock.now())) throw new OutrunnerError('token-unknown');
    const release = await folder.release();
    const executable = release === null ? undefined : executableFor(release.manifest, platform);
    if (executable === undefined) throw new OutrunnerError('package-missing');
    const { file, size, sha256 } = executable.compressed;
    return sendFile(folder.pathOf(file), size, `"${sha256}"`, context);
  });
}

function sendFile(path: string, size: number, etag: string, { headers }: CallContext): StreamAnswer {
  const mayBePart = headers['if-range'] === undefined || headers['if-range'] === etag;
  const range = mayBePart ? askedRange(headers.range, size) : null;
  const common = {
    etag,
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-store',
    'content-type': 'application/octet-stream',
  };
  if (range === null) return { headers: { ...common, 'content-length': size }, body: createReadStream(path) };
  const { start, end } = range;
  return {
    status: 206,
    headers: { ...common, 'content-length': end - start + 1, 'content-range': `bytes ${start}-${end}/${size}` },
    body: createReadStream(path, { start, end }),
  };
}

function mac(secret: Buffer, text: string): string {
  return createHmac('sha256', secret).update(text).digest('base64url');
}
