import { expect, test } from 'vitest';
import { sampleReplica, sampleRunner } from '../runners/sample-runner.ts';
import { matchingRunners } from './matching-runners.ts';

const assigned = [{ project: 'Welcome', asNode: true, remoteDispatch: false, nodeFilter: '.*' }];

test('of the Runners of the project those that would take work now come first, the others with the rule they fail', () => {
  const runners = [
    sampleRunner({ name: 'b-new', tags: ['linux', 'web'], projects: assigned }),
    sampleRunner({
      name: 'd-tags',
      tags: ['linux'],
      projects: assigned,
      status: 'Healthy',
      replicas: [sampleReplica()],
    }),
    sampleRunner({
      name: 'z-ready',
      tags: ['Linux', 'WEB'],
      projects: assigned,
      status: 'Healthy',
      replicas: [sampleReplica()],
    }),
    sampleRunner({
      name: 'c-full',
      tags: ['linux', 'web'],
      projects: assigned,
      status: 'Busy',
      replicas: [sampleReplica({ running: 50, maximum: 50 })],
    }),
    sampleRunner({ name: 'a-elsewhere', tags: ['linux', 'web'], status: 'Healthy', replicas: [sampleReplica()] }),
  ];
  const matches = matchingRunners(runners, 'Welcome', ['linux', 'web']);
  expect(matches.map(({ runner, failed }) => [runner.name, failed?.rule ?? null])).toEqual([
    ['z-ready', null],
    ['b-new', 'never-connected'],
    ['c-full', 'capacity'],
    ['d-tags', 'tags'],
  ]);
});
