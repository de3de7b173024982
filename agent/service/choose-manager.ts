import type { Clock } from '../../protocol/clock.ts';
import type { Layout } from '../installation/layout.ts';
import { Launchd } from './launchd.ts';
import { NoManager } from './no-manager.ts';
import type { ServiceManager } from './service-manager.ts';
import { Systemd } from './systemd.ts';
import { TaskScheduler } from './task-scheduler.ts';
import type { Tools } from './tools.ts';

/** The service manager of this host. */
export function chooseManager(tools: Tools, layout: Layout, clock: Clock, env: NodeJS.ProcessEnv): ServiceManager {
  const uid = process.getuid?.() ?? 0;
  if (layout.platform === 'win32') return new TaskScheduler(tools, clock, env);
  if (layout.platform === 'darwin') return new Launchd(tools, uid);
  return tools.find('systemctl') === null ? new NoManager() : new Systemd(tools, layout, { uid, env });
}
