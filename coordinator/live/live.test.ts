import { connect } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { manualClock } from '../../protocol/clock.ts';
import { LiveReader } from '../testing/live-reader.ts';
import { newRunner, startWhole, type WholeCoordinator } from '../testing/whole-coordinator.ts';
import { LiveHub } from './live-hub.ts';

let whole: WholeCoordinator;
beforeEach(async () => {
  whole = await startWhole();
});
afterEach(() => whole.stop());

it('tells every reader what is made, changed and deleted', async () => {
  const readers = [await LiveReader.open(whole.url, whole.token), await LiveReader.open(whole.url, whole.token)];
  for (const reader of readers) await reader.untilBeats(1);
  await whole.call('createProject', { body: { name: 'P' } });
  await whole.call('updateProject', { params: { project: 'p' }, body: { label: 'Label' } });
  const { id } = (await whole.call('createRunner', { body: newRunner('r') })).body.runner;
  await whole.call('deleteRunner', { params: { id } });
  await whole.call('deleteProject', { params: { project: 'P' } });
  for (const reader of readers) {
    await reader.until((event) => event.topic === 'project' && event.action === 'deleted');
    expect(reader.events.map((event) => ('action' in event ? `${event.topic} ${event.action}` : event.topic))).toEqual([
      'project created',
      'project updated',
      'runner created',
      'runner deleted',
      'project deleted',
    ]);
    reader.close();
  }
});

it('beats every fifteen seconds, so that silence is noticed', async () => {
  const reader = await LiveReader.open(whole.url, whole.token);
  await reader.untilBeats(1);
  const beat = reader.untilBeats(2);
  whole.clock.advance(15_000);
  await beat;
  expect(reader.beats).toBe(2);
  reader.close();
});

it('ends all streams when the coordinator stops, and does not wait for their readers', async () => {
  const reader = await LiveReader.open(whole.url, whole.token);
  await reader.untilBeats(1);
  const stopped = whole.coordinator.stop();
  expect(await reader.over).toBe('ended');
  await stopped;
  whole = await startWhole();
});

it('refuses who is not signed in', async () => {
  const reader = await LiveReader.open(whole.url, 'wrong');
  expect(reader.status).toBe(401);
  reader.close();
});

it('forgets a reader that went away', async () => {
  const hub = new LiveHub(manualClock());
  const reader = hub.subscribe();
  expect(hub.heard).toBe(true);
  reader.destroy();
  await new Promise((resolve) => reader.once('close', resolve));
  expect(hub.heard).toBe(false);
  hub.stop();
});

it('cuts off a reader that is too slow, and others do not notice', async () => {
  const hub = new LiveHub(manualClock());
  const [slow, quick] = [hub.subscribe(), hub.subscribe()];
  quick.resume();
  const broken = new Promise((resolve) => slow.once('close', resolve));
  const project = {
    name: 'p',
    label: 'x'.repeat(100_000),
    description: '',
    selection: 'manual' as const,
    createdAt: '',
    jobs: 0,
    runners: 0,
    running: 0,
  };
  for (let n = 0; n < 100; n++) {
    hub.publish({ topic: 'project', action: 'updated', id: 'p', project });
    await new Promise((resolve) => setImmediate(resolve));
  }
  await broken;
  expect(quick.destroyed).toBe(false);
  hub.stop();
});

it('serves others while a reader never reads', async () => {
  const { hostname, port } = new URL(whole.url);
  const socket = connect(Number(port), hostname);
  socket.write(`GET /api/v1/live HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${whole.token}\r\n\r\n`);
  socket.pause();
  for (let n = 0; n < 20; n++)
    await whole.call('updateProject', { params: { project: 'Welcome' }, body: { description: 'd'.repeat(1000) } });
  expect((await whole.call('health', {})).status).toBe(200);
  socket.destroy();
});
