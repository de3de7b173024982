import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { STOP_SECONDS } from '../../protocol/enrolment.ts';
import { readLimits } from '../config/limits.ts';
import { FINAL_EXITS } from '../installation/launcher.ts';
import { type Layout, layoutOf, type ServiceScope } from '../installation/layout.ts';
import { LEAVE } from '../start-agent.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { escapeXml } from './escape-xml.ts';
import { launchdPlist } from './launchd-plist.ts';
import { agentArguments, type ServiceSpec } from './service-manager.ts';
import { escapePath, quoteWord, readUnitChoices, systemdUnit } from './systemd-unit.ts';
import { quoteWindows, taskXml } from './windows-task.ts';

const NO_ANALYZE = existsSync('/usr/bin/systemd-analyze') ? '' : 'systemd-analyze';
const NO_PYTHON = existsSync('/usr/bin/python3') ? '' : 'python3';
const ODD_HOME = `/home/Zoë $HOME %h "x" 'y' \\z`;

function layout(platform: NodeJS.Platform, scope: ServiceScope, home = ODD_HOME): Layout {
  const env = {
    LOCALAPPDATA: 'C:\\Users\\Zoë & <Co>\\AppData',
    ProgramData: 'C:\\ProgramData',
    ProgramFiles: 'C:\\Program Files',
  };
  return layoutOf({ platform, scope, name: 'outrunner-agent', home, env });
}

function spec(at: Layout, change: Partial<ServiceSpec> = {}): ServiceSpec {
  const account = { user: 'outrunner-agent', group: 'outrunner-agent', uid: 999, gid: 999 };
  return {
    layout: at,
    account: at.scope === 'system' ? account : null,
    command: ['/bin/sh', at.launcher, ...agentArguments(at)],
    path: null,
    sudo: false,
    ...change,
  };
}

/** Reads words as systemd's manual says (systemd.service, "Command lines"): quotes, C escapes, %% and $$. */
function readWords(line: string): string[] {
  const words: string[] = [];
  for (const [, quoted = ''] of line.matchAll(/"((?:[^"\\]|\\.)*)"/gs)) {
    const unquoted = quoted.replace(/\\(?:x([0-9a-f]{2})|(.))/gs, (_, hex?: string, c?: string) =>
      hex === undefined ? (c ?? '') : String.fromCharCode(Number.parseInt(hex, 16)),
    );
    words.push(unquoted.replaceAll('%%', '%').replaceAll('$$', '$'));
  }
  return words;
}

test('whatever a word of a command line holds, systemd reads it back, and finds neither a specifier nor a variable', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), (words) => {
      const line = words.map(quoteWord).join(' ');
      expect(readWords(line)).toEqual(words);
      expect(line).not.toMatch(/\n/);
      for (const sign of ['%', '$']) expect(line.replaceAll(sign + sign, '')).not.toContain(sign);
    }),
  );
});

test.skipIf(NO_ANALYZE !== '')(
  'units are what systemd takes, also with odd paths (needs systemd-analyze)',
  async () => {
    const folder = await temporaryFolder();
    // What it names has to be there for systemd-analyze.
    const home = join(folder, `Zoë $HOME %h "x" 'y'`);
    const at = layout('linux', 'user', home);
    await mkdir(at.state, { recursive: true });
    for (const sudo of [true, false]) {
      const unit = systemdUnit(spec(at, { sudo, path: `${home}/bin:/usr/bin` }));
      await writeFile(join(folder, 'outrunner-agent.service'), unit);
      const options = { encoding: 'utf8', stdio: 'pipe', env: { ...process.env, XDG_RUNTIME_DIR: folder } } as const;
      expect(
        execFileSync('systemd-analyze', ['--user', 'verify', join(folder, 'outrunner-agent.service')], options),
      ).toBe('');
      expect(readUnitChoices(unit)).toEqual({ sudo });
      // A person's systemd has no right to it, and would not start the service.
      expect(unit).not.toContain('CapabilityBoundingSet');
    }
  },
);

test.skipIf(NO_ANALYZE !== '')(
  'the drop-in of the documentation is what systemd takes (needs systemd-analyze)',
  async () => {
    const folder = await temporaryFolder();
    const documentation = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'service.md'), 'utf8');
    const dropIn = /```ini\n(.*?)```/s.exec(documentation)?.[1] ?? '';
    const unit = join(folder, 'outrunner-agent.service');
    await mkdir(`${unit}.d`);
    await writeFile(unit, systemdUnit(spec(layout('linux', 'system'))));
    await writeFile(join(`${unit}.d`, 'strict.conf'), dropIn);
    const options = { encoding: 'utf8', stdio: 'pipe' } as const;
    expect(execFileSync('systemd-analyze', ['verify', unit], options)).toBe('');
    expect(execFileSync('systemd-analyze', ['security', '--offline=true', unit], options)).toMatch(/ [0-2]\.\d OK/);
  },
);

test('an agent that has to stop is done with it before whatever keeps it running ends it', () => {
  const { finishMs } = readLimits({});
  expect(finishMs + LEAVE.graceMs + LEAVE.patienceMs).toBeLessThanOrEqual((STOP_SECONDS - 15) * 1000);
  expect(systemdUnit(spec(layout('linux', 'system')))).toContain(`\nTimeoutStopSec=${STOP_SECONDS}\n`);
  expect(launchdPlist(spec(layout('darwin', 'system')))).toContain(`<integer>${STOP_SECONDS}</integer>`);
});

test('a unit starts again after every end but those that would be the same, and has what jobs need', () => {
  const unit = systemdUnit(spec(layout('linux', 'system')));
  const lines = unit.split('\n');
  for (const line of [
    'User=outrunner-agent',
    'Restart=always',
    `RestartPreventExitStatus=${FINAL_EXITS.join(' ')}`,
    'StartLimitIntervalSec=0',
    'KillMode=mixed',
    'Delegate=yes',
    'TimeoutStopSec=90',
    'NoNewPrivileges=yes',
    'WantedBy=multi-user.target',
  ])
    expect(lines).toContain(line);
  // Jobs work with the files of the host, and what they mount is to be seen by others.
  expect(unit).not.toMatch(
    /^(?:Protect|Private|ReadOnly|Inaccessible|MemoryDeny|RestrictNamespaces|RestrictSUIDSGID|UMask)/m,
  );
  expect(systemdUnit(spec(layout('linux', 'system'), { sudo: true }))).not.toMatch(
    /NoNewPrivileges|Capability|SystemCall/,
  );
});

test('a path that is a whole setting keeps its blanks and quotes', () => {
  expect(escapePath('/home/a "b" %h $x')).toBe('/home/a "b" %%h $x');
});

test.skipIf(NO_PYTHON !== '')('another reader finds in the property list what was meant (needs python3)', () => {
  const at = layout('darwin', 'system');
  const list: unknown = read('import plistlib', 'plistlib.loads(text.encode())', launchdPlist(spec(at)));
  expect(list).toMatchObject({
    Label: 'io.outrunner.outrunner-agent',
    ProgramArguments: ['/bin/sh', at.launcher, ...agentArguments(at)],
    KeepAlive: { SuccessfulExit: false },
    RunAtLoad: true,
    UserName: 'outrunner-agent',
    ExitTimeOut: 90,
  });
  const own = read('import plistlib', 'plistlib.loads(text.encode())', launchdPlist(spec(layout('darwin', 'user'))));
  expect(own).toMatchObject({
    WorkingDirectory: `${ODD_HOME}/Library/Application Support/Outrunner/outrunner-agent/state`,
  });
  expect(own).not.toHaveProperty('UserName');
});

test.skipIf(NO_PYTHON !== '')('another reader finds in the task what was meant (needs python3)', () => {
  const task = (scope: ServiceScope) => {
    const at = layout('win32', scope);
    const xml = taskXml({ layout: at, user: 'CO\\Zoë <&>', powershell: 'C:\\Windows\\powershell.exe' });
    const texts =
      '[[e.tag.split("}")[1], (e.text or "").strip()] for e in ET.fromstring(text.split("?>", 1)[1]).iter()]';
    return new Map(read('import xml.etree.ElementTree as ET', texts, xml) as [string, string][]);
  };
  const system = task('system');
  expect(system.get('UserId')).toBe('S-1-5-19');
  expect(system.has('BootTrigger')).toBe(true);
  expect(system.get('ExecutionTimeLimit')).toBe('PT0S');
  const user = task('user');
  expect(user.get('UserId')).toBe('CO\\Zoë <&>');
  expect(user.has('LogonTrigger')).toBe(true);
  const at = layout('win32', 'user');
  const words = readWindows(user.get('Arguments') ?? '');
  expect(words.slice(words.indexOf('-File'))).toEqual(['-File', at.launcher, '-Service', ...agentArguments(at)]);
});

test('whatever an argument holds, a Windows program reads it back', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: fc.constantFrom('\\', '"', ' ', 'a', 'ß', '\t') })), (words) => {
      expect(readWindows(words.map(quoteWindows).join(' '))).toEqual(words);
    }),
  );
});

/** The rules of CommandLineToArgvW and the C runtime, one character after the other. */
function readWindows(line: string): string[] {
  const words: string[] = [];
  let [word, quoted, slashes, started] = ['', false, 0, false];
  for (const c of line) {
    if (c === '\\') {
      slashes += 1;
      started = true;
      continue;
    }
    if (c === '"') {
      word += '\\'.repeat(Math.floor(slashes / 2));
      if (slashes % 2 === 1) word += '"';
      else quoted = !quoted;
      started = true;
    } else {
      word += '\\'.repeat(slashes);
      if (quoted || (c !== ' ' && c !== '\t')) {
        word += c;
        started = true;
      } else if (started) {
        words.push(word);
        [word, started] = ['', false];
      }
    }
    slashes = 0;
  }
  word += '\\'.repeat(slashes);
  return started ? [...words, word] : words;
}

test('what XML cannot hold is refused', () => {
  expect(() => escapeXml('a\u0000')).toThrow(RangeError);
  expect(escapeXml(`<a b="c" & 'd'>`)).toBe('&lt;a b=&quot;c&quot; &amp; &apos;d&apos;&gt;');
});

function read(head: string, expression: string, text: string): unknown {
  const program = `${head}\nimport json, sys\ntext = sys.stdin.buffer.read().decode()\nprint(json.dumps(${expression}))`;
  return JSON.parse(execFileSync('/usr/bin/python3', ['-c', program], { input: text, encoding: 'utf8' }));
}
