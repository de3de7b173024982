import type { Clock } from '../../protocol/clock.ts';
import {
  AGENT_EXIT,
  EnrolResponseSchema,
  enrolmentAnswer,
  enrolmentProof,
  type HostFacts,
  type Identity,
  type RunnerConfig,
} from '../../protocol/enrolment.ts';
import { OutrunnerError, PROBLEMS, ProblemCodeSchema, ProblemSchema } from '../../protocol/problems.ts';
import { newestKey } from '../../protocol/trust.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import { ENROL_PATH } from '../../protocol/wire.ts';
import { AgentExit, exitCodeOfRefusal, exitOfRefusal } from '../agent-exit.ts';
import { forgetPendingKeys, keysForEnrolment, saveIdentity } from '../config/identity-file.ts';
import { privateKeyText, publicKeyText, signText } from '../config/key-pair.ts';
import { removeToken } from '../config/runner-config.ts';
import type { Log } from '../log.ts';
import type { Trust } from '../trust/trust.ts';
import { explainFailure, isCertificateProblem, UnexpectedAnswer } from './explain-failure.ts';
import { type HttpAnswer, httpCall, parseJson } from './http-call.ts';
import type { Transport } from './transport.ts';

export interface EnrolDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly transport: Transport;
  readonly config: RunnerConfig;
  readonly configPath: string;
  readonly state: string;
  readonly host: HostFacts;
  /** What the package makes it believe, or what was learned here before; learns what the answer says. */
  readonly trust: Trust;
}

/**
 * Trades the single-use token for an identity: makes the keys here, proves that it holds them, checks who answered, writes
 * the identity, takes the token out of `runner.json`. A refusal is an {@link AgentExit}; a coordinator that cannot be
 * reached is an {@link OutrunnerError} `coordinator-unreachable`, and the same call may be made again.
 */
export async function enrolReplica(deps: EnrolDeps, token: string): Promise<Identity> {
  const { config, transport, clock, log, trust } = deps;
  const keys = await keysForEnrolment(deps.state, token);
  const request = {
    protocol: PROTOCOL_VERSION,
    runner: config.runner.id,
    token,
    signingKey: publicKeyText(keys.signing),
    sealingKey: publicKeyText(keys.sealing),
    host: deps.host,
    trust: trust.told(),
  };
  const proof = signText(keys.signing, enrolmentProof(request));

  const answer = await ask(deps, { ...request, proof });
  if (answer.status < 200 || answer.status > 299) {
    const refusal = refusalOf(answer, transport);
    if (refusal instanceof AgentExit && refusal.exitCode === AGENT_EXIT.enrolmentRefused) {
      await forgetPendingKeys(deps.state);
    }
    throw refusal;
  }
  const response = EnrolResponseSchema.safeParse(parseJson(answer.body.toString('utf8')));
  if (!response.success) throw unreachable(new UnexpectedAnswer(answer.status, false), transport);

  const { replica, runner, coordinatorPublicKey, signature } = response.data;
  if (response.data.trust !== undefined) {
    const { problem } = await trust.weigh(response.data.trust);
    if (problem !== null) log.warn(problem);
  }
  const isSigned = trust.isSignedBy(coordinatorPublicKey, enrolmentAnswer(replica, request), signature);
  if (!isSigned || runner.id !== config.runner.id) {
    throw exitOfRefusal('coordinator-not-trusted', `${transport.origin.host} does not hold the key of runner.json.`);
  }
  const identity: Identity = {
    version: 1,
    replica,
    runner,
    coordinator: { url: config.coordinator.url, publicKey: newestKey(trust.held) },
    signingKey: privateKeyText(keys.signing),
    sealingKey: privateKeyText(keys.sealing),
    enrolledAt: new Date(clock.now()).toISOString(),
    trust: trust.held,
    ...(trust.kept === null ? {} : { keptAuthorities: trust.kept }),
  };
  await saveIdentity(deps.state, identity, token);
  trust.keepIn(deps.state);
  const notRemoved = await removeToken(deps.configPath);
  if (notRemoved !== null) {
    log.warn(
      `The used token could not be taken out of ${deps.configPath} (${notRemoved}); it is spent and of no more use.`,
    );
  }
  log.info(`Enrolled as "${runner.name}".`, { runner: runner.id, replica });
  return identity;
}

/** Makes the call; once more when the certificate was not taken and the coordinator has announced other authorities since. */
async function ask({ transport, trust, log }: EnrolDeps, body: unknown): Promise<HttpAnswer> {
  try {
    return await httpCall(transport, 'POST', ENROL_PATH, body);
  } catch (error) {
    if (!isCertificateProblem(error) || (await trust.consult()) !== null) throw unreachable(error, transport);
  }
  log.info(`${transport.origin.host} has announced other authorities than the package holds; they are believed.`);
  try {
    return await httpCall(transport, 'POST', ENROL_PATH, body);
  } catch (error) {
    throw unreachable(error, transport);
  }
}

function unreachable(error: unknown, transport: Transport): OutrunnerError {
  const { detail, todo } = explainFailure(error, transport);
  return new OutrunnerError('coordinator-unreachable', { detail: `${detail} ${todo}`, cause: error });
}

function refusalOf(answer: HttpAnswer, transport: Transport): Error {
  const problem = ProblemSchema.safeParse(parseJson(answer.body.toString('utf8')));
  const code = problem.success ? ProblemCodeSchema.safeParse(problem.data.code) : undefined;
  if (!problem.success || !code?.success) return unreachable(new UnexpectedAnswer(answer.status, false), transport);
  const fields = problem.data.fields.map((field) => ` ${field.path}: ${field.message}`).join('');
  if (exitCodeOfRefusal(code.data) === null && PROBLEMS[code.data].retry) {
    return new OutrunnerError('coordinator-unreachable', { detail: `${problem.data.detail} ${problem.data.todo}` });
  }
  return exitOfRefusal(code.data, `${problem.data.detail}${fields}`, problem.data.todo);
}
