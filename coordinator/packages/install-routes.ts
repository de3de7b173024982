import { createHash } from 'node:crypto';
import { API_BASE, ROUTES } from '../../protocol/api/routes.ts';
import { PLATFORM_TARGETS, type PlatformTarget } from '../../protocol/enrolment.ts';
import { packageFolder } from '../../protocol/package-name.ts';
import { OutrunnerError, PROBLEMS, type ProblemCode } from '../../protocol/problems.ts';
import { AGENT_TARGET_TABLE } from '../../protocol/release.ts';
import type { CallContext, Serve, StreamAnswer } from '../http/call.ts';
import { RateLimit, TooManyRequests } from '../http/rate-limit.ts';
import { enrolmentStateOf } from '../runners/runner-view.ts';
import type { EnrolmentTable } from '../store/schema.ts';
import type { OneLineFacts, OneLinePackage } from './one-line-facts.ts';
import { oneLinePs1, refusalPs1 } from './one-line-ps1.ts';
import { oneLineSh, refusalSh } from './one-line-sh.ts';
import type { PackagesDeps } from './packages-deps.ts';
import type { OpenEnrolment, PackageRunner, RunnerPackage } from './runner-package.ts';
import { sendArchive } from './send-archive.ts';

/** As for enrolments: calls with a wrong token, from one address. */
const WRONG_TOKENS = { burst: 30, refillMs: 1000 };

export interface InstallDeps extends PackagesDeps {
  /** The usual package of a Runner for a platform, with the SHA-256 that it may have remembered. */
  packageFor(runner: PackageRunner, enrolment: OpenEnrolment, platform: PlatformTarget): Promise<RunnerPackage>;
  downloaded(runnerId: string, enrolmentId: string): Promise<void>;
}

interface Found {
  readonly runner: PackageRunner;
  readonly enrolment: OpenEnrolment;
  readonly row: Pick<EnrolmentTable, 'id' | 'downloaded_at'>;
}

/**
 * The one-line install. Who holds an enrolment token that is still open may fetch the package it belongs to: with it, they
 * could enrol all the same. Scripts are answered with scripts, also when the answer is no, because a shell reads them.
 */
export function serveInstall(serve: Serve, deps: InstallDeps): void {
  const limit = new RateLimit(deps.clock, WRONG_TOKENS);

  async function find(token: string, { address }: CallContext): Promise<Found> {
    limit.take(address);
    const found = await findOpen(deps, token);
    limit.forgive(address);
    return found;
  }

  serve(ROUTES.installSh, async ({ params }, context) =>
    asScript('text/x-shellscript', refusalSh, async () => {
      const found = await find(params.token, context);
      return oneLineSh(await factsOf(deps, found, params.token, (platform) => platform !== 'win-x64'));
    }),
  );

  serve(ROUTES.installPs1, async ({ params }, context) =>
    asScript('text/plain', refusalPs1, async () => {
      const found = await find(params.token, context);
      return oneLinePs1(await factsOf(deps, found, params.token, (platform) => platform === 'win-x64'));
    }),
  );

  serve(ROUTES.installPackage, async ({ body }, context) => {
    const { runner, enrolment, row } = await find(body.token, context);
    const answer = await sendArchive(await deps.packageFor(runner, enrolment, body.platform), context);
    if (row.downloaded_at === null) await deps.downloaded(runner.id, row.id);
    return answer;
  });
}

async function findOpen(deps: InstallDeps, token: string): Promise<Found> {
  const row = await deps.store.read
    .selectFrom('enrolment')
    .selectAll()
    .where('token_hash', '=', createHash('sha256').update(token).digest('hex'))
    .executeTakeFirst();
  if (row === undefined) throw new OutrunnerError('enrolment-token-unknown');
  const state = enrolmentStateOf(row, deps.clock.now());
  if (state !== 'open') throw new OutrunnerError(`enrolment-token-${state}` satisfies ProblemCode);
  const { id, name } = deps.runner(row.runner_id).row;
  return { runner: { id, name }, enrolment: { token, createdAt: row.created_at, expiresAt: row.expires_at }, row };
}

async function factsOf(
  deps: InstallDeps,
  { runner, enrolment }: Found,
  token: string,
  wanted: (platform: PlatformTarget) => boolean,
): Promise<OneLineFacts> {
  const { coordinatorUrl, proxy, ca } = deps.settings();
  const packages: OneLinePackage[] = [];
  // One after the other: the hash of each may have to be made first.
  for (const platform of PLATFORM_TARGETS.filter(wanted)) {
    packages.push({ platform, label: AGENT_TARGET_TABLE[platform].label, archive: await archiveOf(platform) });
  }
  const packageUrl = `${coordinatorUrl.replace(/\/$/, '')}${API_BASE}${ROUTES.installPackage.path}`;
  return { packageUrl, token, folder: packageFolder(runner.name), proxy, ca, packages };

  async function archiveOf(platform: PlatformTarget) {
    try {
      const { archive } = await deps.packageFor(runner, enrolment, platform);
      return { size: archive.size, sha256: await archive.sha256() };
    } catch (error) {
      if (error instanceof OutrunnerError && error.code === 'package-missing') return null;
      throw error;
    }
  }
}

async function asScript(
  contentType: string,
  refusal: (line: string) => string,
  make: () => Promise<string>,
): Promise<StreamAnswer> {
  const headers: Record<string, string | number> = {
    'content-type': `${contentType}; charset=utf-8`,
    'cache-control': 'no-store',
  };
  try {
    return { headers, body: await make() };
  } catch (error) {
    if (!(error instanceof OutrunnerError)) throw error;
    const line = `${error.message.replace(/\.?$/, '.')} ${PROBLEMS[error.code].todo}`;
    if (error instanceof TooManyRequests) headers['retry-after'] = error.retryAfterSeconds;
    return { status: error.status, headers, body: refusal(line) };
  }
}
