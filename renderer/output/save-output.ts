import { openOutput } from '../api/execution-queries.ts';

export type OutputFormat = 'text' | 'journal';

/** Bytes of journal that are asked for at once. */
const PAGE_BYTES = 33_554_432;

/**
 * Reads the stored output of an execution from its beginning up to journal byte `until`, page after page. The browser
 * keeps a large result on disk, not in memory.
 * @throws OutrunnerError when the coordinator refuses or is out of reach.
 */
export async function readOutput(
  executionId: string,
  format: OutputFormat,
  until: number,
  signal: AbortSignal,
): Promise<Blob> {
  const pages: Blob[] = [];
  let from = 0;
  for (;;) {
    const response = await openOutput(executionId, { format, from, limit: PAGE_BYTES }, signal);
    pages.push(await response.blob());
    const next = Number(response.headers.get('X-Next-Offset') ?? Number.NaN);
    if (!(next > from) || next >= until) break;
    from = next;
  }
  return new Blob(pages, { type: format === 'text' ? 'text/plain;charset=utf-8' : 'application/octet-stream' });
}

/** Hands a file to the person, under a name. */
export function saveFile(content: Blob, name: string): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // The download has its own hold on the content once it has begun.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
