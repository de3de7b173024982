import { EventEmitter } from 'node:events';
import type { IpcMain, WebContents } from 'electron';
import { describe, expect, it } from 'vitest';
import { IPC, type IpcChannel, IpcReplySchema } from '../protocol/ipc.ts';
import { OutrunnerError } from '../protocol/problems.ts';
import { type IpcHandlers, isOwnSender, registerIpc, tellPage } from './ipc-handlers.ts';

type Handle = IpcMain['handle'];
type Listener = Parameters<Handle>[1];

const FRAME = { parent: null, origin: 'app://outrunner', url: 'app://outrunner/runners' };
const PROFILES = { active: 'embedded', profiles: [] };

function gate(handlers: Partial<IpcHandlers> = {}) {
  const listeners = new Map<string, Listener>();
  const reports: string[] = [];
  const own = { id: 1 } as unknown as WebContents;
  const missing = async () => {
    throw new Error('this handler is not part of the test');
  };
  const all = Object.fromEntries(Object.keys(IPC).map((channel) => [channel, missing])) as unknown as IpcHandlers;
  registerIpc(
    { handle: (name, listener) => void listeners.set(name, listener) },
    { ...all, ...handlers },
    () => own,
    (message) => void reports.push(message),
  );
  const call = async (channel: IpcChannel, input: unknown, sender: object = { sender: own, senderFrame: FRAME }) => {
    const listener = listeners.get(`outrunner:${channel}`) as unknown as (
      event: object,
      input: unknown,
    ) => Promise<unknown>;
    return IpcReplySchema.parse(await listener(sender, input));
  };
  return { call, reports, own, listeners };
}

describe('who may send a message', () => {
  const own = {};
  it('is the main frame of our window while it shows our page, and nobody else', () => {
    expect(isOwnSender({ sender: own, senderFrame: FRAME }, own)).toBe(true);
    expect(isOwnSender({ sender: {}, senderFrame: FRAME }, own)).toBe(false);
    expect(isOwnSender({ sender: own, senderFrame: null }, own)).toBe(false);
    expect(isOwnSender({ sender: own, senderFrame: { ...FRAME, parent: {} } }, own)).toBe(false);
    expect(isOwnSender({ sender: own, senderFrame: { ...FRAME, origin: 'https://evil.example' } }, own)).toBe(false);
    expect(isOwnSender({ sender: own, senderFrame: { ...FRAME, url: 'app://outrunner.evil/' } }, own)).toBe(false);
    expect(isOwnSender({ sender: own, senderFrame: { ...FRAME, origin: 'null', url: 'about:blank' } }, own)).toBe(
      false,
    );
  });

  it('otherwise gets an error on every channel, and is reported', async () => {
    const { call, reports, own } = gate();
    for (const channel of Object.keys(IPC) as IpcChannel[]) {
      const sender = {
        sender: own,
        senderFrame: { ...FRAME, origin: 'https://evil.example', url: 'https://evil.example/' },
      };
      await expect(call(channel, undefined, sender), channel).rejects.toThrow('refused');
      expect(reports.at(-1)).toContain('evil.example');
    }
  });
});

describe('the gate that every message passes', () => {
  it('has a handler for each row of the table and for nothing else', () => {
    expect([...gate().listeners.keys()].sort()).toEqual(
      Object.keys(IPC)
        .map((channel) => `outrunner:${channel}`)
        .sort(),
    );
  });

  it('refuses input that is not what the table says, with the field named', async () => {
    const { call } = gate({ 'profiles.use': async () => PROFILES });
    const inputs: [IpcChannel, unknown][] = [
      ['profiles.use', undefined],
      ['profiles.use', { id: 5 }],
      ['profiles.add', { url: 'x'.repeat(501), label: '' }],
      ['download.start', { download: 'd', runner: '../../etc', platform: 'linux-x64', format: 'zip' }],
      ['ssh-install.start-here', { runner: 'x', install: {} }],
      ['ssh-install.start-here', { runner: crypto.randomUUID(), install: { name: '../x' } }],
      ['ssh-install.start-here', { runner: crypto.randomUUID(), install: { mode: 'system' } }],
      ['theme.set', { theme: 'pink' }],
      ['link.open', 'https://example.com'],
      ['shell.version', { unexpected: true }],
    ];
    for (const [channel, input] of inputs) {
      expect(await call(channel, input), channel).toMatchObject({ ok: false, problem: { code: 'invalid-input' } });
    }
    expect(await call('profiles.use', { id: 5 })).toMatchObject({ problem: { fields: [{ path: 'id' }] } });
  });

  it('lets nothing out that the table does not name', async () => {
    const leaking = { active: 'embedded', profiles: [], token: 'secret-token' };
    const { call } = gate({ 'profiles.list': async () => leaking });
    expect(await call('profiles.list', undefined)).toEqual({ ok: true, value: PROFILES });
  });

  it('keeps the code of a problem, and tells nothing of a bug but that there was one', async () => {
    const { call, reports } = gate({
      'session.signIn': async () => {
        throw new OutrunnerError('sign-in-refused', { detail: 'Wrong password.' });
      },
      'session.signOut': async () => {
        throw new TypeError('undefined is not a function');
      },
    });
    expect(await call('session.signIn', { name: 'a', password: 'b' })).toMatchObject({
      ok: false,
      problem: { code: 'sign-in-refused', detail: 'Wrong password.' },
    });
    const broken = await call('session.signOut', undefined);
    expect(broken).toMatchObject({ ok: false, problem: { code: 'internal' } });
    expect(JSON.stringify(broken)).not.toContain('not a function');
    expect(reports.join()).toContain('not a function');
  });
});

describe('what the shell tells the page', () => {
  class Contents extends EventEmitter {
    readonly sent: unknown[] = [];
    url = 'app://outrunner/';
    destroyed = false;
    getURL = () => this.url;
    isDestroyed = () => this.destroyed;
    send = (...args: unknown[]) => void this.sent.push(args);
  }

  it('goes to our page alone, in the form of the table', () => {
    const contents = new Contents();
    const own = contents as unknown as WebContents;
    tellPage(own, 'profiles.changed', PROFILES);
    contents.url = 'https://evil.example/';
    tellPage(own, 'profiles.changed', PROFILES);
    contents.url = 'app://outrunner/';
    contents.destroyed = true;
    tellPage(own, 'profiles.changed', PROFILES);
    tellPage(undefined, 'profiles.changed', PROFILES);
    expect(contents.sent).toEqual([['outrunner:profiles.changed', PROFILES]]);
  });
});
