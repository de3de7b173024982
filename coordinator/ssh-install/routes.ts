import { ROUTES } from '../../protocol/api/routes.ts';
import type { Serve } from '../http/call.ts';
import type { Store } from '../store/store.ts';
import { KnownHostKeys } from './known-host-keys.ts';
import { SshInstalls, type SshInstallsDeps } from './ssh-installs.ts';

export type SshInstallRoutesDeps = Omit<SshInstallsDeps, 'hostKeys'> & { readonly store: Store };

/** Answers the calls about installations over SSH. Whoever stops the coordinator stops what this returns. */
export function serveSshInstalls(serve: Serve, deps: SshInstallRoutesDeps): { stop(): Promise<void> } {
  const hostKeys = new KnownHostKeys(deps.store, deps.clock);
  const installs = new SshInstalls({ ...deps, hostKeys });

  serve(ROUTES.startSshInstall, ({ params, body }, { caller, onceId }) =>
    installs.start(params.id, body, caller.account.name, onceId),
  );
  serve(ROUTES.installHere, ({ params, body }, { caller, onceId }) =>
    installs.startHere(params.id, body, caller.account.name, onceId),
  );
  serve(ROUTES.listSshInstalls, ({ params }) => ({ items: installs.list(params.id) }));
  serve(ROUTES.getSshInstall, ({ params }) => installs.get(params.id));
  serve(ROUTES.answerHostKey, ({ params, body }) => installs.answerHostKey(params.id, body.fingerprint, body.accept));
  serve(ROUTES.answerSshQuestions, ({ params, body }) => installs.answerQuestions(params.id, body));
  serve(ROUTES.cancelSshInstall, ({ params }) => installs.cancel(params.id));
  serve(ROUTES.listHostKeys, async () => ({ items: await hostKeys.list() }));
  serve(ROUTES.forgetHostKey, ({ params }) => hostKeys.forget(params.id));

  return installs;
}
