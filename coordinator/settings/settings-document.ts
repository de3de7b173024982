import { START_EXIT } from '../start-error.ts';
import { environmentName, SETTINGS, type Setting } from './settings-table.ts';

const rows: readonly Setting[] = Object.values(SETTINGS);

/** What `--help` prints. */
export function helpText(): string {
  const lines = rows.map((setting) => {
    const name = `  --${setting.flag}${setting.value === undefined ? '' : ` ${setting.value}`}`;
    const fallback = setting.default === '' ? '' : ` (default: ${setting.default})`;
    return `${name.padEnd(30)} ${setting.what}${fallback}`;
  });
  return [
    'Usage: outrunner-coordinator [flags]',
    '',
    ...lines,
    `${'  --settings FILE'.padEnd(30)} A JSON file with the names of these flags; also OUTRUNNER_SETTINGS.`,
    `${'  --help, --version'.padEnd(30)} Say it and end.`,
    '',
    'Each flag can be set in the environment too: --data-dir is OUTRUNNER_DATA_DIR. A flag wins over the environment,',
    'that over the file.',
    '',
  ].join('\n');
}

const EXIT_TEXT: Record<keyof typeof START_EXIT, string> = {
  settings: 'A setting is wrong, or two do not fit together.',
  data: 'The data folder or the database cannot be used.',
  locked: 'Another coordinator uses the data folder.',
  listen: 'The address cannot be listened on, for example because the port is in use.',
};

/** The whole of `docs/settings.md`. */
export function settingsDocument(): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  return [
    '# Settings of the coordinator',
    '',
    'Made from `coordinator/settings/settings-table.ts` by `node coordinator/settings/write-document.ts`; a test fails when it is out of date.',
    '',
    'A flag wins over the environment, that over the settings file (`--settings FILE` or `OUTRUNNER_SETTINGS`: a JSON object',
    'with the names of the flags), that over the default.',
    '',
    '| flag | environment | default | what |',
    '|---|---|---|---|',
    ...rows.map((setting) => {
      const flag = `\`--${setting.flag}${setting.value === undefined ? '' : ` ${setting.value}`}\``;
      const fallback = setting.default === '' ? '' : `\`${setting.default}\``;
      return `| ${flag} | \`${environmentName(setting)}\` | ${fallback} | ${cell(setting.what)} |`;
    }),
    '',
    '## Exit codes',
    '',
    '| code | when |',
    '|---|---|',
    '| 0 | It was asked to stop and did. |',
    '| 1 | Something unexpected; the log says what. |',
    ...Object.entries(START_EXIT).map(([kind, code]) => `| ${code} | ${EXIT_TEXT[kind as keyof typeof START_EXIT]} |`),
    '',
  ].join('\n');
}
