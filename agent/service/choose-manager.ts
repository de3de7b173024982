import type { Clock } from '../../protocol/clock.ts';
import type { Layout } from '../installation/layout.ts';
import { InBackground } from './in-background.ts';
import { Launchd } from './launchd.ts';
import { NoManager } from './no-manager.ts';
import type { ServiceManager } from './service-manager.ts';
import { Systemd } from './systemd.ts';
import { TaskScheduler } from './task-scheduler.ts';
import type { Tools } from './tools.ts';

/** The service manager of this host; for a person's agent also none, when nothing starts one there. */
export function chooseManager(tools: Tools, layout: Layout, clock: Clock, env: NodeJS.ProcessEnv): ServiceManager {
  const uid = process.getuid?.() ?? 0;
  if (layout.platform === 'win32') return new TaskScheduler(tools, clock, env);
  if (layout.platform === 'darwin') return new Launchd(tools, uid);
  const manager = tools.find('systemctl') === null ? new NoManager() : new Systemd(tools, layout, { uid, env });
  // A service of the host is started by the host or not at all; a person's agent can also run as any program of that person.
  return layout.scope === 'user' && manager.cannotStart !== null ? new InBackground(manager, clock, env) : manager;
}
