import { mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { StepReason } from '../../protocol/journal.ts';
import type { Step } from '../../protocol/operation.ts';
import {
  type CommandLine,
  defaultInterpreter,
  dialectOf,
  findProgram,
  inlineCommandLine,
  scriptCommandLine,
} from './interpreter.ts';

/** Linux takes no single argument above 128 KiB; longer commands go through a file. */
const LONGEST_ARGUMENT = 120_000;

export type PreparedStep =
  | { readonly ok: true; readonly commandLine: CommandLine; readonly interpreter: string }
  | { readonly ok: false; readonly reason: StepReason; readonly detail: string; readonly interpreter: string };

/**
 * Makes a step ready to start: finds its interpreter and writes its script into `folder` (which is made, 0700). A script
 * that names no interpreter but begins with `#!` is run by what it says. Done in place: the step waits for it anyway, and a
 * detour over the thread pool costs more. @throws what the file system says.
 */
export function prepareStep(
  step: Step,
  index: number,
  folder: string,
  env: NodeJS.ProcessEnv,
  platform: NodeJS.Platform = process.platform,
): PreparedStep {
  const text = step.type === 'command' ? step.command : step.script;
  const shebang = step.type === 'script' && step.interpreter === '' && platform !== 'win32' ? shebangOf(text) : null;
  const wanted = shebang ?? (step.interpreter.trim() || defaultInterpreter(platform));
  const program = findProgram(wanted, env, platform);
  if (program === null) {
    const relative = /[/\\]/.test(wanted) && !/^([/\\]|[A-Za-z]:)/.test(wanted);
    const detail = relative
      ? `The interpreter "${wanted}" is a relative path: give a name or an absolute path.`
      : `The interpreter "${wanted}" was not found on ${hostname()}, or this user may not run it.`;
    return { ok: false, reason: 'interpreter-missing', detail, interpreter: wanted };
  }
  if (step.type === 'command' && Buffer.byteLength(text) <= LONGEST_ARGUMENT) {
    return { ok: true, commandLine: inlineCommandLine(program, text, platform), interpreter: wanted };
  }
  const isDirect = shebang !== null;
  const { family, extension } = dialectOf(program);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `step-${index + 1}${isDirect ? '' : extension}`);
  // Windows PowerShell reads a file without this mark in the old code page of the host.
  const mark = platform === 'win32' && family === 'powershell' ? '\ufeff' : '';
  // cmd wants its own line ends; the kernel takes a carriage return behind `#!…` as part of the program's name.
  const content = family === 'cmd' ? text.replace(/\r?\n/g, '\r\n') : text.replace(/^(#![^\r\n]*)\r\n/, '$1\n');
  writeFileSync(path, mark + content, { mode: isDirect ? 0o700 : 0o600, flag: 'wx' });
  const args = step.type === 'script' ? step.arguments : [];
  const commandLine = isDirect ? { file: path, args, verbatim: false } : scriptCommandLine(program, path, args);
  return { ok: true, commandLine, interpreter: wanted };
}

/** The program that the first line of a script names; null when it names none. */
export function shebangOf(script: string): string | null {
  const match = /^#![ \t]*(\S+)/.exec(script.split('\n', 1)[0] ?? '');
  return match?.[1] ?? null;
}
