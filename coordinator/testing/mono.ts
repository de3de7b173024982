import { type ChildProcessWithoutNullStreams, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Whether this host can compile C# and run it, as Debian's mono-mcs and mono-runtime do. */
export const hasMono = ['mcs', 'mono'].every((program) => spawnSync(program, ['--version']).status === 0);

/** Asks the class of `install.ps1` for each line of standard input: key, message and signature in hexadecimal. */
const ASK = `
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

/** One process of mono that runs the check of signatures. */
export interface CsharpVerifier {
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean>;
  stop(): Promise<void>;
}

/**
 * Compiles the class in `folder` as Windows PowerShell 5.1 does: C# 5, in which a warning is an error, with nothing but the core
 * library. Starts it.
 */
export async function csharpVerifier(folder: string, source: string): Promise<CsharpVerifier> {
  const path = (name: string) => join(folder, name);
  await writeFile(path('class.cs'), source);
  await writeFile(path('ask.cs'), ASK);
  const strict = ['-langversion:5', '-warn:4', '-warnaserror', '-noconfig'];
  execFileSync('mcs', [...strict, `-out:${path('ask.exe')}`, path('class.cs'), path('ask.cs')], { stdio: 'pipe' });
  const child = spawn('mono', [path('ask.exe')]);
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
  throw new Error(`mono ended, or said: ${value}`);
}

async function stop(child: ChildProcessWithoutNullStreams): Promise<void> {
  const closed = once(child, 'close');
  child.stdin.end();
  await closed;
}
