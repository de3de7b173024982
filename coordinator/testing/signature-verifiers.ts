import { type ChildProcessWithoutNullStreams, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const starts = (program: string) => spawnSync(program, ['--version']).status === 0;

/** Whether this host can compile C# and run it, as Debian's mono-mcs and mono-runtime do. */
export const hasMono = ['mcs', 'mono'].every(starts);
export const hasPython = starts('python3');

/** Each asks for each line of standard input: key, message and signature in hexadecimal. */
const ASK_IN_CSHARP = `
public static class Ask
{
  static byte[] Bytes(string hex)
  {
    byte[] bytes = new byte[hex.Length / 2];
    for (int i = 0; i < bytes.Length; i++) bytes[i] = System.Convert.ToByte(hex.Substring(2 * i, 2), 16);
    return bytes;
  }

  public static void Main()
  {
    string line;
    while ((line = System.Console.ReadLine()) != null)
    {
      string[] parts = line.Split(' ');
      System.Console.WriteLine(OutrunnerEd25519.Verify(Bytes(parts[0]), Bytes(parts[1]), Bytes(parts[2])));
    }
  }
}
`;
const ASK_IN_PYTHON = `
import sys
sys.path.insert(0, sys.argv[1])
import shipped
for line in sys.stdin:
    parts = line.rstrip("\\n").split(" ")
    print(shipped.verify(*[bytes.fromhex(part) for part in parts]), flush=True)
`;

/** One process that runs a check of signatures which an install script brings. */
export interface SignatureVerifier {
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean>;
  stop(): Promise<void>;
}

/**
 * Compiles the class of `install.ps1` in `folder` as Windows PowerShell 5.1 does: C# 5, in which a warning is an error, with
 * nothing but the core library. Starts it.
 */
export function csharpVerifier(folder: string, source: string): Promise<SignatureVerifier> {
  return verifier(folder, { 'class.cs': source, 'ask.cs': ASK_IN_CSHARP }, (path) => {
    const strict = ['-langversion:5', '-warn:4', '-warnaserror', '-noconfig'];
    execFileSync('mcs', [...strict, `-out:${path('ask.exe')}`, path('class.cs'), path('ask.cs')], { stdio: 'pipe' });
    return ['mono', path('ask.exe')];
  });
}

/** The same for the text that `install.sh` gives to Python. */
export function pythonVerifier(folder: string, source: string): Promise<SignatureVerifier> {
  return verifier(folder, { 'shipped.py': source, 'ask.py': ASK_IN_PYTHON }, (path) => [
    'python3',
    '-I',
    '-B',
    path('ask.py'),
    folder,
  ]);
}

async function verifier(
  folder: string,
  files: Readonly<Record<string, string>>,
  prepare: (path: (name: string) => string) => readonly [string, ...string[]],
): Promise<SignatureVerifier> {
  const path = (name: string) => join(folder, name);
  for (const [name, text] of Object.entries(files)) await writeFile(path(name), text);
  const [program, ...args] = prepare(path);
  const child = spawn(program, args);
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { verify: (...asked) => ask(child, answers, asked), stop: () => stop(child) };
}

async function ask(
  child: ChildProcessWithoutNullStreams,
  answers: AsyncIterator<string>,
  asked: readonly Uint8Array[],
): Promise<boolean> {
  child.stdin.write(`${asked.map((bytes) => Buffer.from(bytes).toString('hex')).join(' ')}\n`);
  const { value, done } = await answers.next();
  if (done !== true && (value === 'True' || value === 'False')) return value === 'True';
  throw new Error(`${child.spawnfile} ended, or said: ${value}`);
}

async function stop(child: ChildProcessWithoutNullStreams): Promise<void> {
  const closed = once(child, 'close');
  child.stdin.end();
  await closed;
}
