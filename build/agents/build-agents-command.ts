import { PLATFORM_TARGETS, type PlatformTarget, PlatformTargetSchema } from '../../protocol/enrolment.ts';
import { withBuildLock } from '../build-lock.ts';
import { hostTarget } from './base-runtime.ts';
import { buildAgents, takeSignedMac } from './build-agents.ts';
import { BuildError } from './build-error.ts';

/**
 * `npm run build:agents [target…]`: the executable of this host, of the named targets, or of `all`.
 * `npm run build:agents -- --signed <target> <file>`: takes one back that was signed on a Mac.
 */
const names = process.argv.slice(2);
try {
  const work = workOf(names);
  await withBuildLock(console.log, work);
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

function workOf(wanted: readonly string[]): () => Promise<void> {
  if (wanted[0] !== '--signed') {
    const targets = targetsOf(wanted);
    return () => buildAgents(targets, console.log);
  }
  const [, name = '', file, ...more] = wanted;
  const [target] = targetsOf([name]);
  if (target === undefined || file === undefined || more.length > 0) {
    throw new BuildError('Usage: npm run build:agents -- --signed <target> <file>');
  }
  return () => takeSignedMac(target, file, console.log);
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
