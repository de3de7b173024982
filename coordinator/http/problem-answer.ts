import type { FastifyError } from 'fastify';
import { OutrunnerError } from '../../protocol/problems.ts';
import { isSqliteError, SQLITE } from '../store/sqlite-errors.ts';

/** Makes what was thrown into what a caller is told. Everything unknown is `internal`, and says nothing of itself. */
export function asProblem(error: unknown): OutrunnerError {
  if (error instanceof OutrunnerError) return error;
  if (isFullDisk(error)) return new OutrunnerError('storage-full', { cause: error });
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new OutrunnerError('body-too-large', { cause: error });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_CTP_INVALID_TYPE':
      return new OutrunnerError('media-type', { cause: error });
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_ASYNC_CONSTRAINT':
      return new OutrunnerError('invalid-input', { detail: 'The request is malformed.', cause: error });
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new OutrunnerError('invalid-input', { detail: 'A part of the address is too long.', cause: error });
  }
  // What the framework itself refuses before it reaches us (a body cut short, say) is the caller's doing.
  const status = (error as Partial<FastifyError> | null)?.statusCode;
  if (status !== undefined && status >= 400 && status < 500) {
    return new OutrunnerError('invalid-input', { detail: (error as Error).message, cause: error });
  }
  return new OutrunnerError('internal', { cause: error });
}

function isFullDisk(error: unknown): boolean {
  if (isSqliteError(error)) return (error.errcode & 0xff) === SQLITE.full;
  return error instanceof Error && 'code' in error && error.code === 'ENOSPC';
}
