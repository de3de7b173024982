import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { manualClock } from '../../protocol/clock.ts';
import { BATCH_BYTES, decodePoll, POLL_CONTENT_TYPE, POLL_PATH } from '../../protocol/polling.ts';
import { JournalWriter } from '../testing/journal-records.ts';
import { pollOnce } from '../testing/polling-socket.ts';
import { SimulatedAgent, type SimulatedSettings } from '../testing/simulated-agent.ts';
import { eventually, TestCoordinator } from '../testing/test-coordinator.ts';
import { PollLink } from './poll-link.ts';
import { ReplicaState } from './replica-state.ts';

let coordinator: TestCoordinator;
beforeEach(async () => {
  coordinator = await TestCoordinator.start();
});
afterEach(() => coordinator.end());

const text = (value: unknown) => ({ isBinary: false, bytes: new TextEncoder().encode(JSON.stringify(value)) });
const open = async () => {
  const answer = await pollOnce(coordinator.url, null, { kind: 'open' });
  if (answer.kind !== 'opened') throw new Error(`The answer is ${answer.kind}.`);
  return answer.session;
};
const receive = (session: string, received: number, signal?: AbortSignal) =>
  pollOnce(coordinator.url, session, { kind: 'receive', received }, [], signal);
const wordsOf = (answer: { messages: readonly { bytes: Uint8Array }[] }) =>
  answer.messages.map(({ bytes }) => JSON.parse(new TextDecoder().decode(bytes)));
const linkOf = (runner: string) => {
  const state = coordinator.gateway.presence.ofRunner(runner)[0];
  return state instanceof ReplicaState ? state.session?.link : undefined;
};
async function polling(settings: SimulatedSettings = {}, runner?: string) {
  const id = runner ?? (await coordinator.addRunner('one'));
  const identity = await coordinator.enrol(id);
  return new SimulatedAgent(identity, { now: () => coordinator.clock.now(), transport: 'polling', ...settings });
}

describe('a poll', () => {
  it('begins a session with an id that nobody guesses, and the challenge', async () => {
    const [one, two] = [await open(), await open()];
    expect(one).not.toBe(two);
    expect(Buffer.from(one, 'base64url').length).toBe(32);
    const answer = await receive(one, 0);
    expect(answer).toMatchObject({ kind: 'batch', number: 1, close: null });
    expect(wordsOf(answer)).toMatchObject([{ type: 'challenge' }]);
  });

  it('is answered with the same batch until that is acknowledged, and never with the one before', async () => {
    const session = await open();
    const first = await receive(session, 0);
    expect(await receive(session, 0)).toEqual(first);
    await pollOnce(coordinator.url, session, { kind: 'send', number: 1, last: false }, [text({ type: 'dance' })]);
    const second = await receive(session, 1);
    expect(second).toMatchObject({ kind: 'batch', number: 2 });
    expect(wordsOf(second)).toMatchObject([{ type: 'error' }]);
    // A copy of an old call that comes late.
    expect(await receive(session, 0)).toEqual(second);
  });

  it('delivers a batch once, however often it is sent', async () => {
    const session = await open();
    await receive(session, 0);
    const dance = [text({ type: 'dance' })];
    const send = () => pollOnce(coordinator.url, session, { kind: 'send', number: 1, last: false }, dance);
    const answers = await Promise.all([send(), send(), send()]);
    for (const answer of answers) expect(answer).toMatchObject({ kind: 'taken', number: 1 });
    const answer = await receive(session, 1);
    expect(wordsOf(answer)).toHaveLength(1);
  });

  it('waits at the most ten seconds, and is answered with nothing', async () => {
    const session = await open();
    const first = await receive(session, 0);
    expect(first.kind).toBe('batch');
    const hanging = receive(session, 1);
    const isAnswered = hanging.then(() => true);
    // It is there when the coordinator no longer counts it as absent; then time may pass.
    await eventually(async () => {
      coordinator.clock.advance(1_000);
      return Promise.race([isAnswered, new Promise<false>((resolve) => setImmediate(() => resolve(false)))]);
    });
    expect(await hanging).toMatchObject({ kind: 'nothing' });
  });

  it('that is made again ends the one before, which was answered to nobody', async () => {
    const session = await open();
    await receive(session, 0);
    const older = receive(session, 1);
    const broken = new AbortController();
    const cut = receive(session, 1, broken.signal).catch((error: Error) => error.name);
    expect(await older).toMatchObject({ kind: 'nothing' });
    broken.abort();
    expect(await cut).toBe('AbortError');
    const newer = receive(session, 1);
    await pollOnce(coordinator.url, session, { kind: 'send', number: 1, last: false }, [text({ type: 'dance' })]);
    expect(await newer).toMatchObject({ kind: 'batch', number: 2 });
  });

  it('of a session that is not known, or of another coordinator life, is told so', async () => {
    const unknown = { status: 410, code: 'poll-session-unknown' };
    await expect(receive('x'.repeat(43), 0)).rejects.toMatchObject(unknown);
    await expect(pollOnce(coordinator.url, null, { kind: 'receive', received: 0 })).rejects.toMatchObject(unknown);
    const session = await open();
    let isBack = false;
    const restarted = coordinator.restart().then(() => {
      isBack = true;
    });
    // Nobody fetches the good-bye of this session: the coordinator's patience passes.
    await eventually(() => {
      coordinator.clock.advance(100);
      return isBack;
    });
    await restarted;
    await expect(receive(session, 0)).rejects.toMatchObject(unknown);
  });

  it('that leaves a batch out, or acknowledges one that was never sent, ends its session', async () => {
    for (const request of [
      { kind: 'send' as const, number: 3, last: false },
      { kind: 'receive' as const, received: 7 },
    ]) {
      const session = await open();
      await receive(session, 0);
      await expect(pollOnce(coordinator.url, session, request)).rejects.toMatchObject({ status: 400 });
      expect(await receive(session, 1)).toMatchObject({ close: { code: 4003 } });
    }
  });

  it('that is none is refused with its reason, and nothing large is read from strangers', async () => {
    const post = async (body: Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) => {
      const response = await fetch(`${coordinator.url}${POLL_PATH}`, {
        method: 'POST',
        headers: { 'content-type': POLL_CONTENT_TYPE, ...headers },
        body,
      });
      return [response.status, ((await response.json()) as { code: string }).code];
    };
    expect(await post(new Uint8Array(0))).toEqual([400, 'invalid-input']);
    expect(await post(new Uint8Array([255, 255, 255, 255]))).toEqual([400, 'invalid-input']);
    expect(await post(new Uint8Array(2000))).toEqual([413, 'body-too-large']);
    expect(await post(new Uint8Array(2000), { authorization: 'Bearer no' })).toEqual([410, 'poll-session-unknown']);
    expect(await post(new Uint8Array(10), { 'content-type': 'application/json' })).toEqual([415, 'media-type']);
    const session = await open();
    const tooLong = new Uint8Array(5 << 20);
    expect(await post(tooLong, { authorization: `Bearer ${session}` })).toEqual([413, 'body-too-large']);
    expect(decodePoll(tooLong)).toBeNull();
  });
});

describe('a polling agent', () => {
  it('is offered work at once, and its journal arrives whole', async () => {
    const project = await coordinator.addProject();
    const { agent } = await coordinator.connectedRunner('one', project, { transport: 'polling' });
    // The clock of the coordinator stands still: nothing waits for a timer.
    const { id, operation, ref } = await coordinator.given(agent, project);
    const journal = new JournalWriter(operation, () => coordinator.clock.now());
    const records = journal.whole('one line\n');
    for (const record of records) agent.sendRecords(ref.operation, ref.attempt, [record]);
    expect(await agent.finalAck()).toMatchObject({ next: records.length });
    await eventually(async () => (await coordinator.view(id)).state === 'succeeded');
  });

  it('that was killed and started again is no duplicate, and neither is one that went over to WebSocket', async () => {
    const agent = await polling();
    await agent.connect();
    await agent.next('ping');
    const { runner } = agent.identity;
    const replica = () => coordinator.gateway.presence.ofRunner(runner)[0];
    expect(replica()).toMatchObject({ transport: 'polling', connected: true });
    await eventually(() => {
      coordinator.clock.advance(1);
      return linkOf(runner)?.absentFor(coordinator.clock.monotonic()) === 0;
    });
    agent.kill();
    // The coordinator hears of the broken call, if not of the process.
    await eventually(() => linkOf(runner)?.brokenOff);
    const restarted = new SimulatedAgent(agent.identity, { transport: 'polling' });
    await restarted.connect();
    expect(replica()).toMatchObject({ connected: true, duplicateSeenAt: null });
    const socket = new SimulatedAgent(agent.identity, { instance: restarted.instance });
    await socket.connect();
    expect(await restarted.closed()).toBe(4002);
    expect(replica()).toMatchObject({ transport: 'websocket', connected: true, duplicateSeenAt: null });
  });

  it('that asks for nothing any more is not connected', async () => {
    const agent = await polling();
    await agent.connect();
    agent.kill();
    const replica = () => coordinator.gateway.presence.ofRunner(agent.identity.runner)[0];
    await eventually(() => {
      coordinator.clock.advance(1_000);
      return !replica()?.connected;
    });
    // Long before its silence alone would have told.
    expect(coordinator.clock.now() - (replica()?.lastSeen ?? 0)).toBeLessThan(13_000);
  });

  it('brings sixty megabytes of output, and nothing of it is lost', async () => {
    const project = await coordinator.addProject();
    const { agent } = await coordinator.connectedRunner('one', project, { transport: 'polling' });
    const { ref, operation } = await coordinator.given(agent, project);
    const journal = new JournalWriter(operation, () => coordinator.clock.now());
    const output = Array.from({ length: 60 }, () => journal.output(0, 'x'.repeat(1_000_000)));
    const records = [journal.started(), journal.stepStarted(0), ...output, journal.stepFinished(0), journal.finished()];
    records.forEach((record, number) => {
      agent.sendRecords(ref.operation, ref.attempt, [{ ...record, number }]);
    });
    expect(await agent.finalAck()).toMatchObject({ next: records.length });
    expect((await coordinator.storedJournal(ref.operation)).length).toBeGreaterThan(60_000_000);
    expect(agent.unsent).toBe(0);
  });
});

describe('the link over polls', () => {
  const never = { over: () => undefined };
  const kindOf = (body: Uint8Array) => decodePoll(body)?.header;
  const words = (...values: string[]) => values.map((value) => ({ isBinary: false, bytes: Buffer.from(value) }));
  function linkTo(deliver: (word: string, link: PollLink) => void) {
    const clock = manualClock();
    const link = new PollLink({ clock, forget: () => undefined });
    let isGone = false;
    link.listen({
      received: (data) => deliver(data.toString(), link),
      gone: () => {
        isGone = true;
      },
      broke: () => undefined,
    });
    return { clock, link, isGone: () => isGone };
  }

  it('acknowledges a batch only when all of it was delivered; what is held back waits where it is', async () => {
    const heard: string[] = [];
    const { clock, link } = linkTo((word) => {
      heard.push(word);
      if (word === 'b') link.pause();
    });
    const first = link.take(1, false, words('a', 'b', 'c', 'd'));
    expect(heard).toEqual(['a', 'b']);
    clock.advance(5_000);
    expect(kindOf(await first)).toEqual({ kind: 'taken', number: 0 });
    // The same batch again: nothing of it is delivered twice.
    const again = link.take(1, false, words('a', 'b', 'c', 'd'));
    expect(heard).toEqual(['a', 'b']);
    link.resume();
    expect(heard).toEqual(['a', 'b', 'c', 'd']);
    expect(kindOf(await again)).toEqual({ kind: 'taken', number: 1 });
  });

  it('delivers nothing after it was closed in the middle of a batch', async () => {
    const heard: string[] = [];
    const { link } = linkTo((word) => {
      heard.push(word);
      if (word === 'b') link.close(4003, 'enough');
    });
    expect(kindOf(await link.take(1, false, words('a', 'b', 'c')))).toEqual({ kind: 'taken', number: 0 });
    expect(heard).toEqual(['a', 'b']);
    expect(kindOf(await link.receive(0, never))).toMatchObject({ kind: 'batch', close: { code: 4003 } });
  });

  it('counts what waits until it is acknowledged, and is gone once its last words have left', async () => {
    const { clock, link, isGone } = linkTo(() => undefined);
    link.send('x'.repeat(1000));
    link.send('y'.repeat(BATCH_BYTES));
    expect(link.waiting).toBe(1000 + BATCH_BYTES);
    await link.receive(0, never);
    expect([link.waiting, link.taken]).toEqual([1000 + BATCH_BYTES, 0]);
    link.close(4002, 'later');
    const listeners: ((hasLeft: boolean) => void)[] = [];
    const body = await link.receive(1, { over: (listener) => void listeners.push(listener) });
    expect(kindOf(body)).toMatchObject({ number: 2, close: { code: 4002 } });
    expect([link.waiting, link.taken]).toEqual([BATCH_BYTES, 1000]);
    expect(isGone()).toBe(false);
    for (const listener of listeners) listener(true);
    expect(isGone()).toBe(true);
    // The answer got lost after all: for a while it is given again.
    expect(await link.receive(1, never)).toEqual(body);
    clock.advance(10_000);
  });

  it('is gone a while after it was closed, when nobody fetches that', () => {
    const { clock, link, isGone } = linkTo(() => undefined);
    link.send('lost');
    link.close(4005, 'stopping');
    clock.advance(9_999);
    expect(isGone()).toBe(false);
    clock.advance(1);
    expect([isGone(), link.waiting]).toEqual([true, 0]);
  });
});
