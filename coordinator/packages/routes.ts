import { ROUTES, routePath } from '../../protocol/api/routes.ts';
import type { PlatformTarget } from '../../protocol/enrolment.ts';
import type { PackageFormat, PackageOptions } from '../../protocol/package-options.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { AGENT_TARGET_TABLE, executableFor } from '../../protocol/release.ts';
import type { CallContext, Serve } from '../http/call.ts';
import type { RunnerRecord } from '../runners/runner-record.ts';
import { enrolmentStateOf } from '../runners/runner-view.ts';
import { serveInstall } from './install-routes.ts';
import { listPackages } from './list-packages.ts';
import type { PackagesDeps } from './packages-deps.ts';
import { type OpenEnrolment, type RunnerPackage, runnerConfig, runnerPackage, wantedFormat } from './runner-package.ts';
import { sendArchive } from './send-archive.ts';

/** Packages whose SHA-256 is remembered: a download in parts must not read the executable for each part. */
const REMEMBERED = 32;

/** How one host reaches the coordinator; null: as the settings say. */
export interface HostNetwork {
  readonly proxy: string | null;
  /** PEM. */
  readonly ca: string | null;
}

/** What other rooms need of the packages. */
export interface Packages {
  /** @throws OutrunnerError `enrolment-needed` unless this Runner has a token that can still be used. */
  assertOpen(runnerId: string): void;
  /**
   * The package of a Runner in its usual form, with the bytes that its executable has when it is unpacked; it counts as downloaded.
   * @throws OutrunnerError `enrolment-needed`, `package-missing`.
   */
  take(
    runnerId: string,
    platform: PlatformTarget,
    network: HostNetwork,
  ): Promise<{ made: RunnerPackage; executableSize: number }>;
}

export function servePackages(serve: Serve, deps: PackagesDeps): Packages {
  const known = new Map<string, RunnerPackage>();

  /** The same bytes as one that was laid out before: that one, with what it remembers. */
  function remembered(made: RunnerPackage): RunnerPackage {
    const before = known.get(made.archive.etag);
    if (before !== undefined && before.fileName === made.fileName) return before;
    known.set(made.archive.etag, made);
    const oldest = known.keys().next();
    if (known.size > REMEMBERED && !oldest.done) known.delete(oldest.value);
    return made;
  }

  serve(ROUTES.listPackages, () => listPackages(deps.folder));

  async function send(id: string, wanted: PackageOptions & { format: PackageFormat }, context: CallContext) {
    const record = deps.runner(id);
    const { name } = record.row;
    const enrolment = openEnrolment(deps, record);
    const made = await runnerPackage(deps.folder, deps.settings(), { id, name }, enrolment, wanted);
    const answer = await sendArchive(remembered(made), context);
    if (context.method !== 'HEAD' && record.enrolment?.downloaded_at === null) {
      await markDownloaded(deps, id, record.enrolment.id);
    }
    return answer;
  }

  serve(ROUTES.describeInstall, ({ params }) => {
    const record = deps.runner(params.id);
    const enrolment = openEnrolment(deps, record);
    const settings = deps.settings();
    const { token } = enrolment;
    const address = (route: typeof ROUTES.installSh | typeof ROUTES.installPs1) =>
      `${settings.coordinatorUrl.replace(/\/$/, '')}${routePath(route, { token })}`;
    return {
      sh: address(ROUTES.installSh),
      ps1: address(ROUTES.installPs1),
      config: runnerConfig(settings, record.row, enrolment, {}),
    };
  });

  serveInstall(serve, {
    ...deps,
    packageFor: async (runner, enrolment, platform) => {
      const wanted = { platform, format: AGENT_TARGET_TABLE[platform].archive };
      return remembered(await runnerPackage(deps.folder, deps.settings(), runner, enrolment, wanted));
    },
    downloaded: (runnerId, enrolmentId) => markDownloaded(deps, runnerId, enrolmentId),
  });

  serve(ROUTES.downloadPackage, ({ params, query }, context) =>
    send(params.id, { ...query, format: wantedFormat(query, 'query') }, context),
  );

  serve(ROUTES.downloadPackageWith, ({ params, body }, context) =>
    send(params.id, { ...body, format: wantedFormat(body, 'body') }, context),
  );

  return {
    assertOpen: (runnerId) => void openEnrolment(deps, deps.runner(runnerId)),
    async take(runnerId, platform, { proxy, ca }) {
      const record = deps.runner(runnerId);
      const enrolment = openEnrolment(deps, record);
      const network = { ...(proxy === null ? {} : { proxy }), ...(ca === null ? {} : { ca }) };
      const wanted = { platform, format: AGENT_TARGET_TABLE[platform].archive, ...network };
      const runner = { id: runnerId, name: record.row.name };
      const made = remembered(await runnerPackage(deps.folder, deps.settings(), runner, enrolment, wanted));
      const manifest = (await deps.folder.release())?.manifest;
      const executableSize = manifest === undefined ? 0 : (executableFor(manifest, platform)?.size ?? 0);
      if (record.enrolment?.downloaded_at === null) await markDownloaded(deps, runnerId, record.enrolment.id);
      return { made, executableSize };
    },
  };
}

function openEnrolment({ clock, tokens }: PackagesDeps, { enrolment }: RunnerRecord): OpenEnrolment {
  const state = enrolment === null ? 'none' : enrolmentStateOf(enrolment, clock.now());
  if (enrolment === null || state !== 'open') {
    const why = {
      none: 'This Runner has no enrolment token.',
      used: 'The enrolment token of this Runner was used.',
      expired: 'The enrolment token of this Runner has expired.',
      revoked: 'The enrolment token of this Runner was revoked.',
      open: '',
    };
    throw new OutrunnerError('enrolment-needed', { detail: why[state] });
  }
  return {
    token: tokens.enrolmentToken(enrolment.id),
    createdAt: enrolment.created_at,
    expiresAt: enrolment.expires_at,
  };
}

async function markDownloaded(deps: PackagesDeps, runnerId: string, enrolmentId: string): Promise<void> {
  await deps.store.write((tx) =>
    tx
      .updateTable('enrolment')
      .set({ downloaded_at: deps.clock.now() })
      .where('id', '=', enrolmentId)
      .where('downloaded_at', 'is', null)
      .execute(),
  );
  await deps.written(runnerId);
}
