import { useEffect, useRef, useState } from 'react';
import { systemClock } from '../../protocol/clock.ts';
import type { Downloaded, DownloadRequest, Progress } from '../host/host.ts';
import { useHost } from '../host/host-context.tsx';
import { createRateMeter, type Rate } from './download-rate.ts';

export type DownloadState =
  | { readonly phase: 'idle' }
  | ({ readonly phase: 'receiving' | 'verifying' } & Progress & Rate)
  | { readonly phase: 'done'; readonly file: Downloaded }
  | { readonly phase: 'failed'; readonly error: unknown };

const clock = systemClock();

/** One download at a time, with its progress. Leaving the screen cancels it. */
export function useDownload(onDone?: () => void) {
  const host = useHost();
  const [state, setState] = useState<DownloadState>({ phase: 'idle' });
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);

  const start = async (request: DownloadRequest) => {
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    const meter = createRateMeter();
    const onProgress = (progress: Progress) => {
      if (controller.signal.aborted) return;
      setState({ ...progress, ...meter(clock.monotonic(), progress.receivedBytes, progress.totalBytes) });
    };
    try {
      setState({
        phase: 'receiving',
        receivedBytes: 0,
        totalBytes: null,
        bytesPerSecond: null,
        secondsLeft: null,
      });
      const file = await host.download(request, onProgress, controller.signal);
      // Not saved: the person closed the dialog that asks where to.
      setState(file.saved ? { phase: 'done', file } : { phase: 'idle' });
      if (file.saved) onDone?.();
    } catch (error) {
      if (!controller.signal.aborted) setState({ phase: 'failed', error });
    }
  };
  const cancel = () => {
    running.current?.abort();
    setState({ phase: 'idle' });
  };
  return { state, start, cancel };
}
