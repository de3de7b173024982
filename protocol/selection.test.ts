import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CandidateReplica, type CandidateRunner, chooseRunner, firstFailedRule } from './selection.ts';

function replica(change: Partial<CandidateReplica> = {}): CandidateReplica {
  return {
    replicaId: 'r',
    connected: true,
    speaksProtocol: true,
    accepting: true,
    refusal: null,
    failingChecks: [],
    load: 0,
    credit: 50,
    lastSeen: 1000,
    ...change,
  };
}

function runner(id: string, change: Partial<CandidateRunner> = {}): CandidateRunner {
  return {
    runnerId: id,
    name: id,
    tags: ['linux', 'db'],
    mode: 'active',
    modeReason: null,
    status: 'Healthy',
    statusReason: 'fine',
    assignedToProject: true,
    replicas: [replica({ replicaId: `${id}-1` })],
    ...change,
  };
}

describe('the first rule that a Runner fails', () => {
  test.each<[string, CandidateRunner, string | null]>([
    ['all well', runner('a'), null],
    ['not assigned', runner('a', { assignedToProject: false, mode: 'paused' }), 'project'],
    ['a tag is missing', runner('a', { tags: ['linux'], mode: 'paused' }), 'tags'],
    ['paused', runner('a', { mode: 'paused', status: 'Down' }), 'mode'],
    ['draining', runner('a', { mode: 'draining' }), 'mode'],
    ['never connected', runner('a', { status: 'New', replicas: [] }), 'never-connected'],
    ['down', runner('a', { status: 'Down' }), 'status'],
    ['unknown', runner('a', { status: 'Unknown' }), 'status'],
    [
      'healthy by the clock, but its connection is closed',
      runner('a', { replicas: [replica({ connected: false })] }),
      'connection',
    ],
    ['too old', runner('a', { replicas: [replica({ speaksProtocol: false })] }), 'protocol'],
    ['disk full', runner('a', { status: 'Unhealthy', replicas: [replica({ failingChecks: ['disk'] })] }), 'status'],
    ['it said no a moment ago', runner('a', { replicas: [replica({ refusal: 'The disk is full.' })] }), 'refused'],
    [
      'one replica said no, the other is full',
      runner('a', { replicas: [replica({ refusal: 'No.' }), replica({ credit: 0 })] }),
      'capacity',
    ],
    ['full', runner('a', { replicas: [replica({ credit: 0, load: 50 })] }), 'capacity'],
    [
      'one replica is missing, the other works',
      runner('a', { status: 'Unhealthy', replicas: [replica(), replica({ connected: false })] }),
      null,
    ],
  ])('%s', (_, candidate, rule) => {
    expect(firstFailedRule(candidate, ['LINUX', 'db'])?.rule ?? null).toBe(rule);
  });

  test('names the tags that are missing', () => {
    expect(firstFailedRule(runner('a'), ['gpu', 'west'])?.detail).toBe('It lacks the tags gpu, west.');
  });
});

describe('the best Runner', () => {
  test('has the fewest operations, then the most recent check-in, then the lowest id', () => {
    const busy = runner('a', { replicas: [replica({ replicaId: 'a1', load: 3 })] });
    const stale = runner('b', { replicas: [replica({ replicaId: 'b1', load: 1, lastSeen: 900 })] });
    const fresh = runner('d', { replicas: [replica({ replicaId: 'd1', load: 1, lastSeen: 1000 })] });
    const same = runner('c', { replicas: [replica({ replicaId: 'c1', load: 1, lastSeen: 1000 })] });
    expect(chooseRunner([busy, stale, fresh, same], [])).toEqual({ runnerId: 'c', replicaId: 'c1' });
    expect(chooseRunner([busy, stale, fresh], [])?.runnerId).toBe('d');
    expect(chooseRunner([busy, stale], [])?.runnerId).toBe('b');
    expect(chooseRunner([busy], [])?.runnerId).toBe('a');
    expect(chooseRunner([], [])).toBeNull();
  });

  test('is given work through its least loaded replica that has credit', () => {
    const several = runner('a', {
      replicas: [
        replica({ replicaId: 'full', credit: 0, load: 0 }),
        replica({ replicaId: 'busy', load: 5 }),
        replica({ replicaId: 'free', load: 2 }),
        replica({ replicaId: 'away', load: 0, connected: false }),
      ],
    });
    expect(chooseRunner([several], [])?.replicaId).toBe('free');
  });

  const anyRunner = fc
    .record({
      id: fc.uuid(),
      tags: fc.subarray(['linux', 'db', 'west']),
      mode: fc.constantFrom('active', 'paused', 'draining') as fc.Arbitrary<CandidateRunner['mode']>,
      status: fc.constantFrom('New', 'Healthy', 'Busy', 'Unhealthy', 'Unknown', 'Down') as fc.Arbitrary<
        CandidateRunner['status']
      >,
      assignedToProject: fc.boolean(),
      replicas: fc.array(
        fc.record({
          replicaId: fc.uuid(),
          connected: fc.boolean(),
          speaksProtocol: fc.boolean(),
          accepting: fc.boolean(),
          refusal: fc.option(fc.constant('The disk is full.')),
          failingChecks: fc.subarray(['disk']),
          load: fc.nat(5),
          credit: fc.nat(3),
          lastSeen: fc.nat(3),
        }),
        { maxLength: 3 },
      ),
    })
    .map(({ id, ...rest }) => runner(id, rest));
  const fleet = fc.uniqueArray(anyRunner, { maxLength: 6, selector: (one) => one.runnerId });

  test('is one that fails no rule, and there is none only when all fail one', () => {
    fc.assert(
      fc.property(fleet, fc.subarray(['linux', 'db', 'west']), (runners, tags) => {
        const choice = chooseRunner(runners, tags);
        const eligible = runners.filter((one) => firstFailedRule(one, tags) === null);
        if (choice === null) expect(eligible).toEqual([]);
        else expect(eligible.map((one) => one.runnerId)).toContain(choice.runnerId);
      }),
    );
  });

  test('does not depend on the order of the list', () => {
    fc.assert(
      fc.property(fleet, (runners) => {
        expect(chooseRunner(runners.toReversed(), [])).toEqual(chooseRunner(runners, []));
      }),
    );
  });

  test('a burst with reservation at choice time spreads evenly', () => {
    const loads = new Map(['a', 'b', 'c', 'd'].map((id) => [id, 0]));
    for (let n = 0; n < 100; n++) {
      const choice = chooseRunner(
        [...loads].map(([id, load]) => runner(id, { replicas: [replica({ replicaId: id, load, credit: 50 - load })] })),
        ['linux'],
      );
      loads.set(choice?.runnerId ?? '', (loads.get(choice?.runnerId ?? '') ?? Number.NaN) + 1);
    }
    expect([...loads.values()]).toEqual([25, 25, 25, 25]);
  });
});
