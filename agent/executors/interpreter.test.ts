import { expect, test } from 'vitest';
import { optionEnvironmentName } from '../../protocol/operation.ts';
import { dialectOf, findProgram, inlineCommandLine, scriptCommandLine } from './interpreter.ts';
import { shebangOf } from './prepare-step.ts';
import { inheritedEnvironment, stepEnvironment } from './step-environment.ts';

test.each([
  ['/usr/bin/python3.12', '.py'],
  ['python', '.py'],
  ['pwsh', '.ps1'],
  ['C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe', '.ps1'],
  ['cmd.exe', '.cmd'],
  ['node', '.cjs'],
  ['bash', '.sh'],
  ['something-else', '.sh'],
])('%s wants scripts that end in %s', (program, extension) => {
  expect(dialectOf(program).extension).toBe(extension);
});

test('a command is one argument, never part of a command line', () => {
  const command = `echo "a b"; rm -rf '$HOME'`;
  expect(inlineCommandLine('/bin/sh', command, 'linux')).toEqual({
    file: '/bin/sh',
    args: ['-c', command],
    verbatim: false,
  });
  expect(inlineCommandLine('python3', 'print(1)', 'linux').args).toEqual(['-c', 'print(1)']);
  expect(inlineCommandLine('node', '1', 'linux').args).toEqual(['-e', '1']);
});

test('PowerShell is called without profile and questions, and passes exit codes on', () => {
  const { args } = inlineCommandLine('powershell', 'whoami', 'win32');
  expect(args.slice(0, 3)).toEqual(['-NoProfile', '-NonInteractive', '-Command']);
  expect(args[3]).toContain('\nwhoami\n');
  expect(args[3]).toContain('exit $LASTEXITCODE');
  expect(scriptCommandLine('pwsh', 'C:\\a b\\x.ps1', ['-Name', 'a b']).args.slice(-4)).toEqual([
    '-File',
    'C:\\a b\\x.ps1',
    '-Name',
    'a b',
  ]);
});

test('cmd gets its command in quotes that it strips itself', () => {
  expect(inlineCommandLine('cmd', 'dir "C:\\a b"', 'win32')).toEqual({
    file: 'cmd',
    args: ['/d', '/s', '/c', '"dir "C:\\a b""'],
    verbatim: true,
  });
});

test('a program is looked for in absolute folders alone, never in the present one', () => {
  expect(findProgram('sh', { PATH: '/usr/bin:/bin' }, 'linux')).toMatch(/^\/(usr\/)?bin\/sh$/);
  expect(findProgram('sh', { PATH: '.:relative:' }, 'linux')).toBeNull();
  expect(findProgram('sh', {}, 'linux')).toBeNull();
  expect(findProgram('./sh', { PATH: '/bin' }, 'linux')).toBeNull();
  expect(findProgram('/etc', {}, 'linux')).toBeNull();
});

test.each([
  ['#!/bin/bash\necho', '/bin/bash'],
  ['#! /usr/bin/env python3\n', '/usr/bin/env'],
  ['echo\n#!/bin/sh', null],
  ['', null],
])('the first line %j names %s', (script, program) => {
  expect(shebangOf(script)).toBe(program);
});

test('options win over variables of the plan, and nothing wins over the marker', () => {
  const plan = {
    options: { a: 'option' },
    environment: { RD_OPTION_A: 'plan', OUTRUNNER_OPERATION: 'forged', PATH: '/x' },
  };
  const own = { PATH: '/bin', OUTRUNNER_TOKEN: 't', Outrunner_State: 's', NODE_OPTIONS: '-r x' };
  const env = stepEnvironment(inheritedEnvironment(own), plan, 'id');
  expect(env).toEqual({ PATH: '/x', RD_OPTION_A: 'option', OUTRUNNER_OPERATION: 'id' });
  expect(optionEnvironmentName('my-option.x')).toBe('RD_OPTION_MY_OPTION_X');
});
