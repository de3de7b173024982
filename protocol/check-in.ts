import type { Runner } from './api/runners.ts';

/** From the end of an installation to the first sign of life of what it installed. */
export const CHECK_IN_WITHIN_MS = 90_000;

/** Why nothing arrived, as far as it can be known. `url`: where the Runner looks for the coordinator. */
export function whyNoCheckIn(refusal: Runner['refusals'][number] | undefined, url: string): string {
  const waited = `Nothing arrived within ${CHECK_IN_WITHIN_MS / 1000} seconds.`;
  if (refusal !== undefined) {
    return `${waited} A connection from ${refusal.address} was refused: ${refusal.detail}`;
  }
  const isLoopback = /^https?:\/\/(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::|\/|$)/.test(url);
  return isLoopback
    ? `${waited} The Runner looks for the coordinator at ${url}, which is the host itself for it. Set the public URL of the coordinator.`
    : `${waited} The Runner looks for the coordinator at ${url}.`;
}
