import type { DownloadProgress, DownloadResult } from '../protocol/ipc.ts';
import { OutrunnerError } from '../protocol/problems.ts';
import type { Target } from './api-request.ts';
import { type DownloadDeps, type DownloadRequest, downloadPackage } from './download-package.ts';

export interface Downloads {
  start(request: DownloadRequest): Promise<DownloadResult>;
  /** Ends a running download; does nothing when there is none of that name. */
  cancel(download: string): void;
  /** @throws OutrunnerError `not-found` when nothing was saved under that name. */
  show(download: string): void;
}

export interface DownloadsDeps extends Omit<DownloadDeps, 'progress'> {
  target(): Promise<Target>;
  progress(progress: DownloadProgress): void;
  showInFolder(path: string): void;
}

/** The downloads of this window by the names that the page gave them. Paths stay here. */
export function createDownloads(deps: DownloadsDeps): Downloads {
  const running = new Map<string, AbortController>();
  const saved = new Map<string, string>();
  return {
    async start(request) {
      if (running.has(request.download))
        throw new OutrunnerError('conflict', { detail: 'This download runs already.' });
      const abort = new AbortController();
      running.set(request.download, abort);
      try {
        const { result, path } = await downloadPackage(deps, await deps.target(), request, abort.signal);
        if (path !== null) saved.set(request.download, path);
        return result;
      } finally {
        running.delete(request.download);
      }
    },
    cancel: (download) => running.get(download)?.abort(),
    show(download) {
      const path = saved.get(download);
      if (path === undefined) throw new OutrunnerError('not-found', { detail: 'Nothing was saved by this download.' });
      deps.showInFolder(path);
    },
  };
}
