import { onTestFinished } from 'vitest';
import { type Squid, type SquidSettings, startSquid } from './squid.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** A real Squid for one test, with basic authentication when a name and a password are given. */
export async function squid(account?: SquidSettings['account']): Promise<Squid> {
  const started = await startSquid(await temporaryFolder(), { account });
  onTestFinished(() => started.stop());
  return started;
}
