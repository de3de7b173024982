import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { DATA_FOLDER_NAME, DATA_FOLDER_VARIABLE, DEFAULT_PORT } from '../../protocol/data-folder.ts';

export interface StartFlags {
  readonly dataFolder: string;
  /** A port that has to be free; null: the default or the next free one. */
  readonly port: number | null;
  /** Open a browser by ourselves. */
  readonly open: boolean;
  /** The browser, although Electron may be there. */
  readonly browser: boolean;
  readonly help: boolean;
}

/** Wrong use of the command line: one line for a person, exit code 2. */
export class UsageError extends Error {}

export const HELP = `Usage: npm start -- [options]

Builds what is not built, starts a coordinator on this computer and opens the console.

  --data-dir FOLDER  where the coordinator keeps everything (default: ~/${DATA_FOLDER_NAME}, or ${DATA_FOLDER_VARIABLE})
  --port NUMBER      port to listen on, which has to be free (default: ${DEFAULT_PORT} or the next free one)
  --browser          the console in the browser, also where Electron is installed
  --no-open          do not open a browser, only print the link; implies --browser
  --help             this text
`;

/** @throws UsageError that names the option. */
export function readStartFlags(argv: readonly string[], env: NodeJS.ProcessEnv): StartFlags {
  const values = parse(argv);
  const port = values.port === undefined ? null : Number(values.port);
  if (port !== null && !(Number.isInteger(port) && port >= 1 && port <= 65_535)) {
    throw new UsageError(`--port must be a number from 1 to 65535; it is "${values.port}".`);
  }
  if (values['data-dir'] === '') throw new UsageError('--data-dir must name a folder.');
  const folder = values['data-dir'] ?? (env[DATA_FOLDER_VARIABLE] || join(homedir(), DATA_FOLDER_NAME));
  const noOpen = values['no-open'] ?? false;
  return {
    dataFolder: resolve(folder),
    port,
    open: !noOpen,
    browser: noOpen || (values.browser ?? false),
    help: values.help ?? false,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        'data-dir': { type: 'string' },
        port: { type: 'string' },
        browser: { type: 'boolean' },
        'no-open': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
      strict: true,
      allowPositionals: false,
    }).values;
  } catch (error) {
    const said = error instanceof Error ? (error.message.split('. ')[0] ?? '') : String(error);
    throw new UsageError(`${said}. See npm start -- --help.`);
  }
}
