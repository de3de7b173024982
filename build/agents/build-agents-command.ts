import { PLATFORM_TARGETS, type PlatformTarget, PlatformTargetSchema } from '../../protocol/enrolment.ts';
import { withBuildLock } from '../build-lock.ts';
import { hostTarget } from './base-runtime.ts';
import { buildAgents } from './build-agents.ts';
import { BuildError } from './build-error.ts';

/** `npm run build:agents [target…]`: the executable of this host, of the named targets, or of `all`. */
const names = process.argv.slice(2);
try {
  const targets = targetsOf(names);
  await withBuildLock(console.log, () => buildAgents(targets, console.log));
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

function targetsOf(wanted: readonly string[]): readonly PlatformTarget[] {
  if (wanted.length === 0) return [hostTarget()];
  if (wanted.includes('all')) return PLATFORM_TARGETS;
  return wanted.map((name) => {
    const parsed = PlatformTargetSchema.safeParse(name);
    if (!parsed.success)
      throw new BuildError(`There is no target "${name}". Targets: ${PLATFORM_TARGETS.join(', ')}, all.`);
    return parsed.data;
  });
}
