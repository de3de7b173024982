import type { Runner } from '../../protocol/api/runners.ts';
import { tagKey } from '../../protocol/tags.ts';
import { runnerVersionState } from '../upgrades/runner-version.ts';
import type { RunnerSearch } from './runner-search.ts';

/** What the search looks through, in lower case; made once per Runner as it was last heard of. */
const haystacks = new WeakMap<Runner, string>();

function haystackOf(runner: Runner): string {
  let text = haystacks.get(runner);
  if (text === undefined) {
    const hosts = runner.replicas.map(({ hostname }) => hostname);
    text = [runner.name, runner.description, ...runner.tags, ...hosts].join('\n').toLowerCase();
    haystacks.set(runner, text);
  }
  return text;
}

/**
 * The test of a filter on one Runner. Ten thousand of them take a few milliseconds. `handedOut`: the version that is handed out,
 * null while that is not known.
 */
export function runnerFilter(filter: RunnerSearch, handedOut: string | null = null): (runner: Runner) => boolean {
  const words = (filter.search ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  const tag = filter.tag === undefined ? null : tagKey(filter.tag);
  return (runner) => {
    if (filter.status !== undefined && runner.status !== filter.status) return false;
    if (filter.mode !== undefined && runner.mode !== filter.mode) return false;
    if (filter.version !== undefined && runner.version !== filter.version) return false;
    if (filter.versionState !== undefined && runnerVersionState(runner, handedOut) !== filter.versionState)
      return false;
    if (tag !== null && !runner.tags.some((one) => tagKey(one) === tag)) return false;
    if (filter.project !== undefined && !runner.projects.some(({ project }) => project === filter.project))
      return false;
    return words.every((word) => haystackOf(runner).includes(word));
  };
}
