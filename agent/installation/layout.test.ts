import { posix, win32 } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { AgentExit } from '../agent-exit.ts';
import { checkServiceName, type Layout, layoutOf, type ServiceScope } from './layout.ts';

const WINDOWS = {
  ProgramData: 'C:\\ProgramData',
  PROGRAMFILES: 'C:\\Program Files',
  LocalAppData: 'C:\\Users\\Jürgen Müller\\AppData\\Local',
};

function layout(
  platform: NodeJS.Platform,
  scope: ServiceScope,
  home = '/home/zoë b',
  name = 'outrunner-agent',
): Layout {
  return layoutOf({ platform, scope, name, home, env: WINDOWS });
}

test.each<[NodeJS.Platform, ServiceScope, Partial<Layout>]>([
  [
    'linux',
    'system',
    {
      config: '/etc/outrunner-agent/runner.json',
      state: '/var/lib/outrunner-agent',
      program: '/var/lib/outrunner-agent/program',
      launcher: '/opt/outrunner-agent/launch',
      tool: '/opt/outrunner-agent/outrunner-agent',
      home: '/var/lib/outrunner-agent/home',
      definition: '/etc/systemd/system/outrunner-agent.service',
    },
  ],
  [
    'linux',
    'user',
    {
      config: '/home/zoë b/.config/outrunner-agent/runner.json',
      state: '/home/zoë b/.local/state/outrunner-agent',
      launcher: '/home/zoë b/.local/share/outrunner-agent/launch',
      tool: null,
      definition: '/home/zoë b/.config/systemd/user/outrunner-agent.service',
    },
  ],
  [
    'darwin',
    'system',
    {
      config: '/Library/Application Support/Outrunner/outrunner-agent/runner.json',
      state: '/Library/Application Support/Outrunner/outrunner-agent/state',
      launcher: '/Library/Application Support/Outrunner/outrunner-agent/launch',
      definition: '/Library/LaunchDaemons/io.outrunner.outrunner-agent.plist',
    },
  ],
  [
    'darwin',
    'user',
    {
      config: '/home/zoë b/Library/Application Support/Outrunner/outrunner-agent/runner.json',
      definition: '/home/zoë b/Library/LaunchAgents/io.outrunner.outrunner-agent.plist',
    },
  ],
  [
    'win32',
    'system',
    {
      config: 'C:\\ProgramData\\Outrunner\\outrunner-agent\\runner.json',
      state: 'C:\\ProgramData\\Outrunner\\outrunner-agent\\state',
      launcher: 'C:\\Program Files\\Outrunner\\outrunner-agent\\launch.ps1',
      definition: '\\Outrunner\\outrunner-agent',
    },
  ],
  [
    'win32',
    'user',
    {
      config: 'C:\\Users\\Jürgen Müller\\AppData\\Local\\Outrunner\\outrunner-agent\\runner.json',
      state: 'C:\\Users\\Jürgen Müller\\AppData\\Local\\Outrunner\\outrunner-agent\\state',
      launcher: 'C:\\Users\\Jürgen Müller\\AppData\\Local\\Outrunner\\outrunner-agent\\launch.ps1',
    },
  ],
])('on %s for the %s, files lie where the documentation says', (platform, scope, expected) => {
  expect(layout(platform, scope)).toMatchObject(expected);
});

test('two services on one host share no path, and all paths are absolute', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,30}$/);
  const home = fc
    .array(fc.stringMatching(/^[^/\\\p{Cc}]{1,12}$/u), { minLength: 1, maxLength: 4 })
    .map((parts) => `/${parts.join('/')}`);
  const platform = fc.constantFrom<NodeJS.Platform>('linux', 'darwin', 'win32');
  const scope = fc.constantFrom<ServiceScope>('system', 'user');
  fc.assert(
    fc.property(name, name, home, platform, scope, (first, second, folder, on, of) => {
      fc.pre(first !== second);
      const rules = on === 'win32' ? win32 : posix;
      const one = layout(on, of, folder, first);
      const paths = [one.config, one.state, one.program, one.launcher, one.definition];
      for (const path of paths) expect(rules.isAbsolute(path)).toBe(true);
      expect(one.program.startsWith(one.state)).toBe(true);
      const other = layout(on, of, folder, second);
      for (const path of [other.config, other.state, other.launcher, other.definition])
        expect(paths).not.toContain(path);
    }),
  );
});

test.each(['', 'Agent', '1st', '-x', 'a/b', '..', 'a b', 'ä', `a${'b'.repeat(31)}`])(
  '"%s" is no name of a service',
  (name) => {
    expect(() => checkServiceName(name)).toThrow(expect.objectContaining({ exitCode: AGENT_EXIT.usage }) as Error);
  },
);

test.each<[NodeJS.Platform, string, NodeJS.ProcessEnv]>([
  ['linux', 'home/me', {}],
  ['linux', '', {}],
  ['darwin', '/Users/a\nb', {}],
  ['win32', '', {}],
  ['win32', '', { LOCALAPPDATA: '\\Users\\me' }],
])('on %s a home like "%s" ends with what to do', (platform, home, env) => {
  expect(() => layoutOf({ platform, scope: 'user', name: 'agent', home, env })).toThrow(AgentExit);
});
