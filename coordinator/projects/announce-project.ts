import type { Logger } from '../http/log.ts';
import type { Live } from '../live/live.ts';
import type { Store } from '../store/store.ts';
import { findProject } from './find-project.ts';
import { projectView } from './project-view.ts';

/** Tells the consoles that what a project holds has changed: its number of jobs, say. */
export function announceProject(deps: { store: Store; live: Live; log: Logger }, name: string): void {
  const { store, live, log } = deps;
  if (!live.heard) return;
  const announce = async () => {
    const project = await projectView(store.read, await findProject(store.read, name));
    live.publish({ topic: 'project', action: 'updated', id: project.name, project });
  };
  announce().catch((error: unknown) => log.debug({ err: error, project: name }, 'a project was not announced'));
}
