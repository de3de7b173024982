import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../agent-exit.ts';
import { writeFileAtomic } from '../config/atomic-file.ts';
import type { Layout } from '../installation/layout.ts';
import type { ServiceManager, ServiceSpec, ServiceStatus } from './service-manager.ts';
import { readUnitChoices, systemdUnit, UNIT_MARK } from './systemd-unit.ts';
import { failed, type Tools } from './tools.ts';

/** Where units of the distribution lie: one of the same name would be hidden by ours. */
const OTHER_UNITS = [
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
  '/usr/local/lib/systemd/system',
  '/run/systemd/system',
];

export interface SystemdHost {
  /** The user who calls. */
  readonly uid: number;
  readonly env: NodeJS.ProcessEnv;
}

/** systemd, for the whole host or (`--user`) for one person. */
export class Systemd implements ServiceManager {
  readonly name = 'systemd';
  readonly cannotStart: string | null;
  readonly #tools: Tools;
  readonly #user: boolean;
  readonly #uid: number;
  readonly #env: Record<string, string>;

  constructor(tools: Tools, layout: Layout, { uid, env }: SystemdHost) {
    this.#tools = tools;
    this.#user = layout.scope === 'user';
    this.#uid = uid;
    const runtime = env.XDG_RUNTIME_DIR ?? `/run/user/${uid}`;
    this.cannotStart = whyNotRunning(this.#user ? runtime : null);
    this.#env = this.#user ? { XDG_RUNTIME_DIR: runtime } : {};
    // Then it works on the files alone, as in an image that is being built.
    if (this.cannotStart !== null) this.#env.SYSTEMD_OFFLINE = '1';
  }

  async whyTaken(layout: Layout): Promise<string | null> {
    const unit = await readUnit(layout.definition);
    if (unit !== null && !unit.startsWith(UNIT_MARK)) return `${layout.definition} is there and is not ours.`;
    const other = OTHER_UNITS.map((folder) => join(folder, basename(layout.definition))).find((path) =>
      existsSync(path),
    );
    return this.#user || other === undefined ? null : `There is a unit ${other} with this name.`;
  }

  async installed(layout: Layout): Promise<{ readonly sudo: boolean } | null> {
    const unit = await readUnit(layout.definition);
    return unit === null ? null : readUnitChoices(unit);
  }

  async install(spec: ServiceSpec): Promise<boolean> {
    const { definition, name } = spec.layout;
    const unit = systemdUnit(spec);
    const isNew = (await readUnit(definition)) !== unit;
    if (isNew) {
      await mkdir(dirname(definition), { recursive: true, mode: 0o755 });
      await writeFileAtomic(definition, unit, 0o644);
    }
    if (this.cannotStart === null) await this.#systemctl('daemon-reload');
    await this.#systemctl('enable', '--quiet', unitOf(name));
    return isNew;
  }

  async uninstall(layout: Layout): Promise<void> {
    const unit = await readUnit(layout.definition);
    if (unit === null) return;
    if (!unit.startsWith(UNIT_MARK)) throw failed(`${layout.definition} is not ours.`, 'It was let alone.');
    if (this.cannotStart === null) await this.stop(layout);
    await this.#systemctl('disable', '--quiet', unitOf(layout.name));
    await rm(layout.definition, { force: true });
    if (this.cannotStart !== null) return;
    await this.#systemctl('daemon-reload');
    await this.#try('reset-failed', unitOf(layout.name));
  }

  async start({ name }: Layout): Promise<void> {
    await this.#try('reset-failed', unitOf(name));
    await this.#systemctl('restart', unitOf(name));
  }

  async stop({ name }: Layout): Promise<void> {
    await this.#systemctl('stop', unitOf(name));
  }

  async status({ name, definition }: Layout): Promise<ServiceStatus> {
    const fields = 'LoadState,ActiveState,SubState,MainPID,ExecMainStatus,UnitFileState';
    const isThere = (await readUnit(definition)) !== null;
    const answer =
      this.cannotStart === null ? await this.#try('show', '--property', fields, unitOf(name)) : { code: 1, stdout: '' };
    if (answer.code !== 0) {
      return { activity: isThere ? 'unknown' : 'absent', pid: null, exitCode: null, automatic: null };
    }
    return readShow(answer.stdout);
  }

  /** A person's services end with the last log-in and begin with the next, unless they may linger. */
  async remark({ scope }: Layout): Promise<string | null> {
    if (scope === 'system' || this.cannotStart !== null) return null;
    const loginctl = this.#tools.find('loginctl');
    if (loginctl === null) return null;
    const lingers = async () => {
      const { stdout } = await this.#tools.run(loginctl, ['show-user', String(this.#uid), '--property', 'Linger']);
      return stdout.trim() === 'Linger=yes';
    };
    if (await lingers()) return null;
    await this.#tools.run(loginctl, ['enable-linger', String(this.#uid)], { env: this.#env });
    if (await lingers()) return null;
    return `It runs only while you are logged in. To change that, an administrator runs: loginctl enable-linger ${this.#uid}`;
  }

  async #systemctl(...args: string[]): Promise<void> {
    await this.#tools.must('systemctl', this.#scoped(args), { env: this.#env });
  }

  #try(...args: string[]) {
    return this.#tools.run('systemctl', this.#scoped(args), { env: this.#env });
  }

  #scoped(args: readonly string[]): readonly string[] {
    return this.#user ? ['--user', ...args] : args;
  }
}

/** What `systemctl show` answered. */
export function readShow(text: string): ServiceStatus {
  const fields = new Map(
    text.split('\n').map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }),
  );
  const number = (name: string) => Number(fields.get(name) ?? '0');
  const enabled = fields.get('UnitFileState') ?? '';
  return {
    activity: activityOf(fields),
    pid: number('MainPID') || null,
    exitCode: number('MainPID') > 0 ? null : number('ExecMainStatus'),
    automatic: enabled === '' ? null : enabled === 'enabled',
  };
}

function activityOf(fields: ReadonlyMap<string, string>): ServiceStatus['activity'] {
  if (fields.get('LoadState') === 'not-found') return 'absent';
  switch (fields.get('ActiveState')) {
    case 'active':
      return 'running';
    case 'activating':
    case 'reloading':
      return 'starting';
    case 'failed':
      return 'failed';
    case 'inactive':
    case 'deactivating':
      return 'stopped';
    default:
      return 'unknown';
  }
}

function whyNotRunning(runtime: string | null): string | null {
  if (!isFolder('/run/systemd/system'))
    return `systemd is not what runs this system (process 1 is "${firstProcess()}").`;
  if (runtime === null || isFolder(join(runtime, 'systemd'))) return null;
  return `The systemd of this user does not run (there is no ${join(runtime, 'systemd')}).`;
}

function firstProcess(): string {
  try {
    return readFileSync('/proc/1/comm', 'utf8').trim();
  } catch {
    return 'hidden'; // In some containers.
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function unitOf(name: string): string {
  return `${name}.service`;
}

async function readUnit(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}
