import { expect, test } from 'vitest';
import { runnerFilter } from './runner-filter.ts';
import { sampleReplica, sampleRunner } from './sample-runner.ts';

const web = sampleRunner({
  name: 'Web DMZ',
  description: 'Front of Berlin',
  tags: ['Linux', 'dmz'],
  status: 'Healthy',
  version: '0.1.0',
  projects: [{ project: 'Welcome', asNode: true, remoteDispatch: false, nodeFilter: '.*' }],
  replicas: [sampleReplica({ hostname: 'berlin-7' })],
});
const store = sampleRunner({ name: 'Store', description: 'Till 4', tags: ['windows'], status: 'Down', mode: 'paused' });
const all = [web, store];

test.each([
  ['nothing set', {}, [web, store]],
  ['words in any order and case', { search: 'dmz WEB' }, [web]],
  ['a word of the description', { search: 'till' }, [store]],
  ['a tag typed as text', { search: 'linux' }, [web]],
  ['the name of a host', { search: 'berlin-7' }, [web]],
  ['words that never meet in one Runner', { search: 'web till' }, []],
  ['a status', { status: 'Down' as const }, [store]],
  ['a mode', { mode: 'paused' as const }, [store]],
  ['a tag, compared without case', { tag: 'linux' }, [web]],
  ['a project', { project: 'Welcome' }, [web]],
  ['a version', { version: '0.1.0' }, [web]],
  ['a state of versions', { versionState: 'outdated' as const }, [web]],
  ['no version yet', { versionState: 'unknown' as const }, [store]],
])('%s finds what it should', (_what, filter, found) => {
  expect(all.filter(runnerFilter(filter, '0.2.0'))).toEqual(found);
});
