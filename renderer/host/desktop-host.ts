import type { DesktopBridge, IpcChannel, IpcInput, IpcOutput } from '../../protocol/ipc.ts';
import { OutrunnerError, ProblemSchema } from '../../protocol/problems.ts';
import { CoordinatorError } from '../api/coordinator-error.ts';
import type { Host } from './host.ts';

declare global {
  interface Window {
    /** Set by the preload script of the desktop console. */
    readonly outrunner?: DesktopBridge;
  }
}

/** The page in the desktop console: the main process holds the token, asks where to save, downloads and checks. */
export function createDesktopHost(bridge: DesktopBridge): Host {
  async function ask<C extends IpcChannel>(channel: C, input: IpcInput<C>): Promise<IpcOutput<C>> {
    try {
      return await bridge.invoke(channel, input);
    } catch (thrown) {
      const problem = ProblemSchema.safeParse(thrown);
      if (problem.success) throw new CoordinatorError(problem.data);
      throw new OutrunnerError('internal', { detail: `The desktop console failed at ${channel}.`, cause: thrown });
    }
  }

  return {
    kind: 'desktop',
    async signIn(credentials) {
      if ('ticket' in credentials) {
        throw new OutrunnerError('sign-in-refused', { detail: 'Open sign-in links in a browser.' });
      }
      await ask('session.signIn', credentials);
    },
    async signOut() {
      await ask('session.signOut', undefined);
    },
    onSessionChange: (listener) => bridge.on('profiles.changed', () => listener()),
    async download(request, onProgress, signal) {
      const download = crypto.randomUUID();
      const unsubscribe = bridge.on('download.progress', (progress) => {
        if (progress.download !== download) return;
        if (progress.phase === 'receiving' || progress.phase === 'verifying') {
          onProgress({ ...progress, phase: progress.phase });
        }
      });
      const cancel = () => void ask('download.cancel', { download });
      signal.addEventListener('abort', cancel, { once: true });
      try {
        const result = await ask('download.start', { download, ...request });
        signal.throwIfAborted();
        return { ...result, show: result.saved ? () => ask('download.show', { download }) : null };
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      } finally {
        signal.removeEventListener('abort', cancel);
        unsubscribe();
      }
    },
    openLink: (url) => ask('link.open', { url }),
    setTheme: (theme) => ask('theme.set', { theme }),
    profiles: {
      list: () => ask('profiles.list', undefined),
      use: (id) => ask('profiles.use', { id }),
      add: (url, label) => ask('profiles.add', { url, label }),
      remove: (id) => ask('profiles.remove', { id }),
    },
    sshInstalls: {
      start: (runner, install) => ask('ssh-install.start', { runner, install }),
      startHere: (runner, install) => ask('ssh-install.start-here', { runner, install }),
      list: (runner) => ask('ssh-install.list', { runner }),
      get: (id) => ask('ssh-install.get', { id }),
      answerHostKey: (id, fingerprint, accept) => ask('ssh-install.answer-host-key', { id, fingerprint, accept }),
      answerQuestions: (id, answers) => ask('ssh-install.answer-questions', { id, ...answers }),
      cancel: (id) => ask('ssh-install.cancel', { id }),
      forgetHostKey: (id) => ask('ssh-install.forget-host-key', { id }),
      onChange: (listener) => bridge.on('ssh-install.changed', listener),
    },
    shell: () => ask('shell.version', undefined),
  };
}
