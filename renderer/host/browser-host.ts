import { OutrunnerError } from '../../protocol/problems.ts';
import type { ApiClient } from '../api/api-client.ts';
import type { Downloaded, DownloadRequest, Host, Progress } from './host.ts';
import { checkPackage } from './package-check.ts';

/** The page in a browser: cookie session, checks downloads itself before it hands them to the browser's own saving. */
export function createBrowserHost(api: ApiClient): Host {
  return {
    kind: 'browser',
    async signIn(credentials) {
      await api.call('signIn', { body: credentials });
    },
    async signOut() {
      await api.call('signOut');
    },
    // Nothing but the page itself signs in or out.
    onSessionChange: () => () => undefined,
    async download(request, onProgress, signal) {
      const release = await api.call('listPackages', {}, { signal });
      const { runner: id, ...wanted } = request;
      const { platform, format, proxy, ca } = wanted;
      // A proxy may have a password: what belongs to this host alone goes in a body, not in an address.
      const response =
        proxy === undefined && ca === undefined
          ? await api.open('downloadPackage', { params: { id }, query: { platform, format } }, { signal })
          : await api.open('downloadPackageWith', { params: { id }, body: wanted }, { signal });
      const bytes = await receive(response, onProgress, signal);
      onProgress({ phase: 'verifying', receivedBytes: bytes.length, totalBytes: bytes.length });
      const { sha256, development } = await checkPackage({
        bytes,
        platform,
        contentDigest: response.headers.get('Content-Digest'),
        executableRange: response.headers.get('X-Outrunner-Executable-Range'),
        manifest: release.manifest,
        signature: release.signature,
      });
      signal.throwIfAborted();
      const fileName = fileNameOf(response, request);
      save(bytes, fileName);
      const done: Downloaded = {
        fileName,
        size: bytes.length,
        sha256,
        verified: true,
        development,
        saved: true,
        show: null,
      };
      return done;
    },
    async openLink(url) {
      const { protocol, href } = new URL(url);
      if (protocol === 'https:') globalThis.open(href, '_blank', 'noopener,noreferrer');
    },
    // The page's own theme is all there is.
    setTheme: () => Promise.resolve(),
    profiles: null,
    sshInstalls: null,
    shell: () => Promise.resolve(null),
  };
}

async function receive(
  response: Response,
  onProgress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const length = Number(response.headers.get('Content-Length') ?? Number.NaN);
  const totalBytes = Number.isFinite(length) && length > 0 ? length : null;
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let receivedBytes = 0;
  onProgress({ phase: 'receiving', receivedBytes, totalBytes });
  try {
    const reader = response.body?.getReader();
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
      chunks.push(next.value);
      receivedBytes += next.value.length;
      onProgress({ phase: 'receiving', receivedBytes, totalBytes });
    }
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new OutrunnerError('coordinator-unreachable', { detail: 'The download broke off.', cause });
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

function fileNameOf(response: Response, { platform, format }: DownloadRequest): string {
  const stated = /filename="([^"\\/]+)"/.exec(response.headers.get('Content-Disposition') ?? '')?.[1];
  return stated ?? `outrunner-agent-${platform}.${format}`;
}

function save(bytes: Uint8Array<ArrayBuffer>, fileName: string): void {
  const url = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = fileName;
  link.click();
  // The browser has its own hold on the blob as soon as the click is handled; a minute is generous.
  globalThis.setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
