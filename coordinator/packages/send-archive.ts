import type { PackageFormat } from '../../protocol/package-options.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { CallContext, StreamAnswer } from '../http/call.ts';
import type { RunnerPackage } from './runner-package.ts';

const CONTENT_TYPES: Readonly<Record<PackageFormat, string>> = {
  'tar.gz': 'application/gzip',
  zip: 'application/zip',
  deb: 'application/vnd.debian.binary-package',
  rpm: 'application/x-rpm',
};

/** What an HTTP Range header asks of a file of `size` bytes. `null`: all of it. */
export type AskedRange = { readonly start: number; readonly end: number } | null;

/**
 * Reads a Range header. Several ranges, or another unit, are answered with the whole, as RFC 9110 allows.
 * @throws OutrunnerError `range-not-satisfiable` when the range lies outside.
 */
export function askedRange(header: string | undefined, size: number): AskedRange {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return null;
  const [, from, to] = match as unknown as [string, string, string];
  // `bytes=-500` are the last 500.
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (start >= size || end < start) {
    if (from !== '' && to !== '' && Number(to) < Number(from)) return null;
    throw new OutrunnerError('range-not-satisfiable', { detail: `The file has ${size} bytes.` });
  }
  return { start, end };
}

/** Whether a list of entity tags, as in If-None-Match, has this one. */
export function namesTag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === etag);
}

/** Answers a download: whole, in part, or "you have it already". */
export async function sendArchive({ archive, fileName }: RunnerPackage, context: CallContext): Promise<StreamAnswer> {
  const { headers } = context;
  const { size, etag } = archive;
  const common = { etag, 'accept-ranges': 'bytes', 'cache-control': 'private, no-cache' };
  if (namesTag(headers['if-none-match'], etag)) return { status: 304, headers: common, body: '' };
  const mayBePart = headers['if-range'] === undefined || headers['if-range'] === etag;
  const range = mayBePart ? rangeOf(headers.range, size, context) : null;
  const digest = Buffer.from(await archive.sha256(), 'hex').toString('base64');
  const described = {
    ...common,
    'content-type': CONTENT_TYPES[archive.format],
    'content-disposition': `attachment; filename="${fileName}"`,
    // Of the whole file, whatever part of it is sent.
    digest: `SHA-256=${digest}`,
    'repr-digest': `sha-256=:${digest}:`,
    'x-outrunner-executable-range': `${archive.executableRange.start}-${archive.executableRange.end}`,
  };
  if (range === null) {
    return {
      headers: { ...described, 'content-length': size, 'content-digest': `sha-256=:${digest}:` },
      body: archive.stream(),
    };
  }
  return {
    status: 206,
    headers: {
      ...described,
      'content-length': range.end - range.start + 1,
      'content-range': `bytes ${range.start}-${range.end}/${size}`,
    },
    body: archive.stream(range.start, range.end),
  };
}

function rangeOf(header: string | undefined, size: number, context: CallContext): AskedRange {
  try {
    return askedRange(header, size);
  } catch (error) {
    context.setHeader('content-range', `bytes */${size}`);
    throw error;
  }
}
