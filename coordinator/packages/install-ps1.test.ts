import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { powershellWord } from '../../protocol/shell-words.ts';
import { type PowershellTree, powershellParser } from '../testing/powershell-grammar.ts';
import { ED25519_CSHARP } from './ed25519-csharp.ts';
import type { InstallFacts } from './install-facts.ts';
import { installPs1 } from './install-ps1.ts';
import { startScript } from './package-texts.ts';

let parse: (text: string) => PowershellTree;
beforeAll(async () => {
  parse = await powershellParser();
});

const facts: InstallFacts = {
  target: 'win-x64',
  label: 'Windows x64',
  executable: 'outrunner-agent.exe',
  sha256: 'ab'.repeat(32),
  listed: `"sha256":"${'ab'.repeat(32)}","size":5,"target":"win-x64"}`,
  keyPem: '-----BEGIN PUBLIC KEY-----',
  keyId: '0123456789abcdef',
  keyBytes: `${'A'.repeat(43)}=`,
  sshKey: null,
  development: true,
  serviceName: 'outrunner-agent',
};
const text = String(installPs1(facts).content);

it('is PowerShell to a grammar that is not ours, which finds mistakes where there are some', () => {
  expect(parse(text).mistakes).toEqual([]);
  expect(parse(String(startScript('win-x64').content)).mistakes).toEqual([]);
  expect(parse(text.replace('function Test-Package {', 'function Test-Package')).mistakes).not.toEqual([]);
  expect(parse("$a = 'it's'\n").mistakes).not.toEqual([]);
});

it('is plain ASCII with Windows line ends, because 5.1 reads a script without a mark in the code page of the host', () => {
  expect(text).toMatch(/^[\r\n\x20-\x7e]*$/);
  expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
});

it('checks the executable before it calls it, and names paths as they are, without patterns in them', () => {
  const commands = parse(text).nodes.filter((node) => node.kind === 'command');
  const at = (part: string) => commands.findIndex((command) => command.text.startsWith(part));
  expect(at('Test-Package')).toBeGreaterThan(-1);
  expect(at('& (Join-Path')).toBeGreaterThan(at('Test-Package'));
  const { text: checks = '' } =
    parse(text).nodes.find(({ text: one }) => one.startsWith('function Test-Package')) ?? {};
  expect(checks.indexOf('Test-Signature')).toBeGreaterThan(checks.indexOf('release.signed'));
  for (const command of commands.filter(({ text: one }) =>
    /^(?:Get-FileHash|Test-Path|Get-Auth|Resolve-Path)/.test(one),
  ))
    expect(command.text).toContain('-LiteralPath');
});

it('holds the check of signatures as one text in which PowerShell reads nothing, and compiles it only where that can be done', () => {
  const held = parse(text).nodes.filter((node) => node.kind === 'verbatim_here_string_characters');
  expect(held.map((node) => node.text)).toEqual([`@'\r\n${ED25519_CSHARP.replaceAll('\n', '\r\n')}'@`]);
  expect(ED25519_CSHARP).not.toMatch(/^'@/m);
  const { text: checks = '' } =
    parse(text).nodes.find(({ text: one }) => one.startsWith('function Test-Signature')) ?? {};
  const order = [
    "$Mode -ne 'FullLanguage'",
    "'OutrunnerEd25519' -as [type]",
    'Add-Type',
    '::Verify(',
    'Stop-Install 3',
  ];
  const places = order.map((part) => checks.indexOf(part));
  expect(places.every((place, index) => place > (places[index - 1] ?? -1))).toBe(true);
  expect(text).toContain('SHA-256 and signature are right (development key 0123456789abcdef).');
});

it('has each option of the other script', () => {
  const parameters = parse(text).nodes.filter((node) => node.kind === 'script_parameter');
  const names = parameters.map((node) => /\$(\w+)/.exec(node.text)?.[1]);
  expect(names.slice(0, 10)).toEqual([
    'User',
    'Name',
    'NoStart',
    'Replace',
    'Proxy',
    'Ca',
    'Uninstall',
    'Purge',
    'Check',
    'Help',
  ]);
});

it('holds any text as one word', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      fc.pre(!value.includes('\0'));
      const { mistakes, nodes } = parse(`$a = ${powershellWord(value)}\n`);
      // The grammar knows only the plain apostrophe; for the typographic ones see protocol/shell-words.test.ts.
      const words = nodes.filter((node) => node.kind === 'string_literal');
      expect([mistakes, words.length]).toEqual([[], 1]);
    }),
    { numRuns: 300 },
  );
});
