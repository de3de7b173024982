import type { ServiceManager, ServiceStatus } from './service-manager.ts';

/** A host without a service manager that we know (a container, OpenRC, runit): files are put in place, and nothing is started. */
export class NoManager implements ServiceManager {
  readonly name = 'none';
  readonly cannotStart = 'This system has no service manager that the agent knows (systemd).';

  async whyTaken(): Promise<null> {
    return null;
  }

  async installed(): Promise<null> {
    return null;
  }

  async install(): Promise<boolean> {
    return false;
  }

  async uninstall(): Promise<void> {
    // There is nothing of ours.
  }

  async start(): Promise<void> {
    // Whoever asks has looked at `cannotStart`.
  }

  async stop(): Promise<void> {
    // As above.
  }

  async status(): Promise<ServiceStatus> {
    return { activity: 'unknown', pid: null, exitCode: null, automatic: null };
  }

  async remark(): Promise<null> {
    return null;
  }
}
