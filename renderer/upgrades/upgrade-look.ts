import {
  IconBan,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleX,
  IconCloudDown,
  IconHourglassHigh,
  IconLoader2,
  IconPlayerPause,
  IconPlayerSkipForward,
  IconSwitch3,
} from '@tabler/icons-react';
import type { FunctionComponent } from 'react';
import type { UpgradeReplica, UpgradeReplicaPhase, UpgradeSummary } from '../../protocol/api/upgrades.ts';
import { byteSize } from '../ui/byte-size.ts';

interface Look {
  readonly icon: FunctionComponent<{ size?: number | string; stroke?: number; 'aria-hidden'?: boolean }>;
  readonly word: string;
  /** What is said of several, where it differs. */
  readonly ofMany?: string;
  readonly color: string;
}

const ANCHOR = 'var(--mantine-color-anchor)';

/** How each state of an upgrade is drawn. */
export const UPGRADE_LOOK: Readonly<Record<UpgradeSummary['state'], Look>> = {
  running: { icon: IconLoader2, word: 'Running', color: ANCHOR },
  paused: { icon: IconPlayerPause, word: 'Paused', color: 'var(--outrunner-warn)' },
  finished: { icon: IconCircleCheck, word: 'Finished', color: 'var(--outrunner-good)' },
  cancelled: { icon: IconBan, word: 'Cancelled', color: 'var(--outrunner-idle)' },
};

/** It is over, and not every agent has the new version. */
const WITH_FAILURES: Look = { icon: IconCircleX, word: 'Finished with failures', color: 'var(--outrunner-bad)' };

/** How an upgrade is drawn: by its state, unless it is over and agents have failed. */
export function upgradeLook({ state, counts }: Pick<UpgradeSummary, 'state' | 'counts'>): Look {
  return state === 'finished' && counts.failed > 0 ? WITH_FAILURES : UPGRADE_LOOK[state];
}

/** How each phase of a replica is drawn; in this order they stand in lists: what needs somebody first. */
export const PHASE_LOOK: Readonly<Record<UpgradeReplicaPhase, Look>> = {
  failed: { icon: IconCircleX, word: 'Failed', color: 'var(--outrunner-bad)' },
  switching: { icon: IconSwitch3, word: 'Switching', color: ANCHOR },
  waiting: { icon: IconHourglassHigh, word: 'Waiting for running work', color: 'var(--outrunner-warn)' },
  downloading: { icon: IconCloudDown, word: 'Downloading', color: ANCHOR },
  skipped: {
    icon: IconPlayerSkipForward,
    word: 'Left as it is',
    ofMany: 'left as they are',
    color: 'var(--outrunner-idle)',
  },
  pending: {
    icon: IconCircleDashed,
    word: 'Waiting for its turn',
    ofMany: 'waiting for their turn',
    color: 'var(--outrunner-idle)',
  },
  'checked-in': { icon: IconCircleCheck, word: 'Checked in', color: 'var(--outrunner-good)' },
};
export const PHASES = Object.keys(PHASE_LOOK) as UpgradeReplicaPhase[];

/** What is to be said beside the phase: how much of the download is there, or why. */
export function phaseDetail({ phase, detail, received, total }: UpgradeReplica): string {
  if (phase === 'downloading' && total > 0) return `${byteSize(received)} of ${byteSize(total)}`;
  if (phase === 'switching' && detail === '') return 'the new version has to check in';
  return detail;
}

/** How many replicas it has in all. */
export function replicasOf({ counts }: Pick<UpgradeSummary, 'counts'>): number {
  return PHASES.reduce((sum, phase) => sum + counts[phase], 0);
}

/** `1 replica`, `12 replicas`. */
export function replicaCount(count: number): string {
  return `${count.toLocaleString()} ${count === 1 ? 'replica' : 'replicas'}`;
}
