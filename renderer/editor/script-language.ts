/** Languages that the editor colours. */
export type ScriptLanguage = 'shell' | 'powershell' | 'python' | 'plain';

const BY_PROGRAM: readonly (readonly [RegExp, ScriptLanguage])[] = [
  [/^(sh|bash|dash|zsh|ksh|ash|busybox)$/, 'shell'],
  [/^(pwsh|powershell)$/, 'powershell'],
  [/^python[\d.]*$/, 'python'],
];

/**
 * The language of a script, from its interpreter (a name or a path), else from its first line (`#!/usr/bin/env python3`);
 * shell when neither says anything, because that is what the host then uses.
 */
export function scriptLanguage(interpreter: string, script: string): ScriptLanguage {
  const line = script.startsWith('#!') ? (script.slice(2).split('\n', 1)[0] ?? '') : '';
  const words = line.trim().split(/\s+/);
  const fromScript = /(^|\/)env$/.test(words[0] ?? '')
    ? words.find((word, at) => at > 0 && !word.startsWith('-'))
    : words[0];
  const program = programName(interpreter) || programName(fromScript ?? '');
  if (program === '') return 'shell';
  return BY_PROGRAM.find(([pattern]) => pattern.test(program))?.[1] ?? 'plain';
}

function programName(path: string): string {
  const name = path.trim().split(/[\\/]/).at(-1) ?? '';
  return name.toLowerCase().replace(/\.exe$/, '');
}
