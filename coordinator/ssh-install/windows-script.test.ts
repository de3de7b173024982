import { beforeAll, expect, it } from 'vitest';
import { type PowershellTree, powershellParser } from '../testing/powershell-grammar.ts';
import { ARGUMENTS, COMMAND } from './windows-script.ts';

let tree: PowershellTree;
beforeAll(async () => {
  tree = (await powershellParser())(COMMAND);
});

it('what PowerShell is told is PowerShell to a grammar that is not ours', () => {
  expect(tree.mistakes).toEqual([]);
});

it('it is one line of ASCII without a quotation mark or a backslash: an argument that needs no care', () => {
  expect(COMMAND).toMatch(/^[\x20-\x7e]*$/);
  expect(COMMAND).not.toMatch(/["\\`]/);
});

it('it sets the encoding first, and runs one script alone, which the environment names', () => {
  const commands = tree.nodes.filter(({ kind }) => kind === 'command').map(({ text }) => text);
  expect(commands[0]).toBe('New-Object Text.UTF8Encoding($false)');
  const invoked = tree.nodes.filter(({ kind }) => kind === 'command_invokation_operator');
  expect(invoked).toHaveLength(1);
  expect(commands.filter((text) => text.startsWith('&'))).toEqual(['& $env:OUTRUNNER_INSTALL_SCRIPT @with']);
  const variables = tree.nodes.filter(({ kind }) => kind === 'variable').map(({ text }) => text);
  expect(new Set(variables.filter((name) => name.startsWith('$env:')))).toEqual(
    new Set(['$env:OUTRUNNER_INSTALL_NAME', '$env:OUTRUNNER_INSTALL_START', '$env:OUTRUNNER_INSTALL_SCRIPT']),
  );
});

it('PowerShell asks nobody, reads no profile, and takes the rest as the command', () => {
  expect(ARGUMENTS).toEqual(['-NoLogo', '-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-Command']);
});
