import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { ThemeSchema } from '../protocol/ipc.ts';
import { WindowStateSchema } from './window-state.ts';

export const RemoteProfileSchema = z.object({ id: z.string(), label: z.string(), url: z.string() });
export type RemoteProfile = z.infer<typeof RemoteProfileSchema>;

export const SettingsSchema = z.object({
  version: z.literal(1).default(1),
  /** Id of the profile in use. */
  active: z.string().default('embedded'),
  profiles: z.array(RemoteProfileSchema).default([]),
  theme: ThemeSchema.default('auto'),
  window: WindowStateSchema.optional(),
  /** Where the embedded coordinator listened last: Runners of this computer look for it there. */
  embeddedPort: z.number().int().min(1).max(65_535).optional(),
});
export type Settings = z.infer<typeof SettingsSchema>;

/** A small JSON file of the shell with one writer. What it holds is checked when it is read. */
export interface JsonFile<T> {
  readonly value: T;
  /** Replaces the content, in memory at once and on disk when the promise resolves; changes are written in order. */
  save(next: T): Promise<void>;
  /** Resolves when nothing waits to be written; before the program ends. */
  settled(): Promise<void>;
}

/**
 * Reads a JSON file through its schema. A missing file is the schema's default (`{}` parsed). One that cannot be understood
 * is kept beside with the ending `.broken`, reported, and replaced by the default at the next save.
 */
export async function openJsonFile<S extends z.ZodType>(
  path: string,
  schema: S,
  report: (message: string) => void,
): Promise<JsonFile<z.output<S>>> {
  let value: z.output<S> = await read(path, schema, report);
  let queue: Promise<void> = Promise.resolve();
  return {
    get value() {
      return value;
    },
    save(next) {
      value = next;
      const write = () => writeAtomically(path, `${JSON.stringify(next, null, 2)}\n`);
      // After a failed write the next one still runs; whoever asked for the failed one learns of it.
      queue = queue.then(write, write);
      return queue;
    },
    // Whoever asked for a write that failed was told by `save`.
    settled: () => queue.catch(() => undefined),
  };
}

async function read<S extends z.ZodType>(
  path: string,
  schema: S,
  report: (message: string) => void,
): Promise<z.output<S>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return schema.parse({});
    throw error;
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof z.ZodError)) throw error;
    await rename(path, `${path}.broken`);
    report(`${path} cannot be understood and was put aside as ${path}.broken: ${error.message}`);
    return schema.parse({});
  }
}

/** Readable by its owner alone; at no moment half written, also when the power fails. */
async function writeAtomically(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const unfinished = `${path}.${randomUUID()}`;
  try {
    const file = await open(unfinished, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}
