import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomic } from '../config/atomic-file.ts';
import { type Layout, launchdLabel } from '../installation/layout.ts';
import { launchdPlist } from './launchd-plist.ts';
import type { ServiceManager, ServiceSpec, ServiceStatus } from './service-manager.ts';
import type { Tools } from './tools.ts';

/** launchd of macOS: a daemon of the host, or an agent of one person. Not run on a Mac yet. */
export class Launchd implements ServiceManager {
  readonly name = 'launchd';
  readonly cannotStart = null;
  readonly #tools: Tools;
  readonly #uid: number;

  constructor(tools: Tools, uid: number) {
    this.#tools = tools;
    this.#uid = uid;
  }

  async whyTaken(): Promise<string | null> {
    return null; // The label begins with our own name.
  }

  async installed(layout: Layout): Promise<{ readonly sudo: boolean } | null> {
    return (await readText(layout.definition)) === null ? null : { sudo: true };
  }

  async install(spec: ServiceSpec): Promise<boolean> {
    const { definition } = spec.layout;
    const text = launchdPlist(spec);
    if ((await readText(definition)) === text) return false;
    await mkdir(dirname(definition), { recursive: true, mode: 0o755 });
    await writeFileAtomic(definition, text, 0o644);
    return true;
  }

  async uninstall(layout: Layout): Promise<void> {
    await this.stop(layout);
    await rm(layout.definition, { force: true });
  }

  async start(layout: Layout): Promise<void> {
    await this.stop(layout);
    const domain = await this.#domain(layout);
    // Somebody may have switched it off for good.
    await this.#tools.run('launchctl', ['enable', `${domain}/${launchdLabel(layout.name)}`]);
    await this.#tools.must('launchctl', ['bootstrap', domain, layout.definition]);
  }

  async stop(layout: Layout): Promise<void> {
    const loaded = await this.#loaded(layout);
    // Waits for its end, up to ExitTimeOut.
    if (loaded !== null) await this.#tools.run('launchctl', ['bootout', loaded.target]);
  }

  async status(layout: Layout): Promise<ServiceStatus> {
    const loaded = await this.#loaded(layout);
    if (loaded !== null) return readPrint(loaded.answer);
    const isThere = (await readText(layout.definition)) !== null;
    return { activity: isThere ? 'stopped' : 'absent', pid: null, exitCode: null, automatic: isThere };
  }

  async remark({ scope }: Layout): Promise<string | null> {
    return scope === 'user' ? 'It runs while you are logged in: macOS has nothing else for one person.' : null;
  }

  /** Of the screen when the person sits at it, else (over SSH) of the person. */
  async #domain({ scope }: Layout): Promise<string> {
    if (scope === 'system') return 'system';
    const { code } = await this.#tools.run('launchctl', ['print', `gui/${this.#uid}`]);
    return `${code === 0 ? 'gui' : 'user'}/${this.#uid}`;
  }

  /** Where it is loaded: an earlier call may have come from the screen, and this one over SSH. */
  async #loaded({ scope, name }: Layout): Promise<{ target: string; answer: string } | null> {
    const domains = scope === 'system' ? ['system'] : [`gui/${this.#uid}`, `user/${this.#uid}`];
    for (const domain of domains) {
      const target = `${domain}/${launchdLabel(name)}`;
      const { code, stdout } = await this.#tools.run('launchctl', ['print', target]);
      if (code === 0) return { target, answer: stdout };
    }
    return null;
  }
}

/** What `launchctl print` answered about a service. */
export function readPrint(text: string): ServiceStatus {
  const field = (name: string) => new RegExp(`^\\s*${name} = (.+)$`, 'm').exec(text)?.[1] ?? '';
  const pid = Number(field('pid')) || null;
  const last = /^-?\d+/.exec(field('last exit code'))?.[0];
  const isRunning = field('state') === 'running';
  return {
    activity: isRunning ? 'running' : 'stopped',
    pid,
    exitCode: last === undefined ? null : Number(last),
    automatic: true,
  };
}

async function readText(path: string): Promise<string | null> {
  return await readFile(path, 'utf8').catch(() => null);
}
