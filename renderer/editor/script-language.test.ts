import { expect, test } from 'vitest';
import { scriptLanguage } from './script-language.ts';

test.each([
  ['', '', 'shell'],
  ['', 'echo hello', 'shell'],
  ['bash', '', 'shell'],
  ['/usr/bin/bash', '#!/usr/bin/python3', 'shell'],
  ['C:\\Program Files\\PowerShell\\7\\pwsh.exe', '', 'powershell'],
  ['python3.12', '', 'python'],
  ['', '#!/usr/bin/env python3\nprint(1)', 'python'],
  ['', '#!/usr/bin/env -S python3 -u\n', 'python'],
  ['', '#! /bin/sh -e\n', 'shell'],
  ['ruby', '', 'plain'],
])('interpreter “%s” and script “%s” are %s', (interpreter, script, language) => {
  expect(scriptLanguage(interpreter, script)).toBe(language);
});
