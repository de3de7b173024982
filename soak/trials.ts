import { agentDiskTrial } from './agent-disk-trial.ts';
import { coordinatorDiskTrial } from './coordinator-disk-trial.ts';
import { cutTrial } from './cut-trial.ts';
import { killTrial } from './kill-trial.ts';
import { latencyTrial } from './latency-trial.ts';
import { bigOutputTrial, longLineTrial, oddStepsTrial } from './output-trials.ts';
import { proxyTrial } from './proxy-trial.ts';
import { queueTrial } from './queue-trial.ts';
import type { Trial } from './report.ts';
import { slowLinkTrial } from './slow-link-trial.ts';

/** All trials, in the order in which they are run. */
export const TRIALS: readonly Trial[] = [
  killTrial,
  cutTrial,
  slowLinkTrial,
  latencyTrial,
  proxyTrial,
  agentDiskTrial,
  coordinatorDiskTrial,
  oddStepsTrial,
  longLineTrial,
  bigOutputTrial,
  queueTrial,
];
