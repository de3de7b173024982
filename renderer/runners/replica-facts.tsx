import { Text } from '@mantine/core';
import type { Replica } from '../../protocol/api/runners.ts';
import type { Fact } from '../ui/facts.tsx';
import { platformName } from '../ui/platform-name.ts';
import { RelativeTime } from '../ui/relative-time.tsx';
import { durationText } from '../ui/time-text.ts';
import { roundTripText } from './use-ping.ts';

const POLLING = 'Long polling: no WebSocket gets through';

/** How a replica is connected, in words, and why it polls when it does. */
export function transportWords({ transport, transportReason }: Pick<Replica, 'transport' | 'transportReason'>): string {
  if (transport === null) return 'none';
  if (transport === 'websocket') return 'WebSocket';
  return transportReason === null ? POLLING : `Long polling. ${transportReason}`;
}

/** Up to here a clock counts as right, in milliseconds: what a host does that keeps its time at all. */
const CLOCK_TOLERANCE_MS = 2000;

/** Whether a clock is so far off that somebody should set it. */
export function clockIsOff(skewMs: number | null): skewMs is number {
  return skewMs !== null && Math.abs(skewMs) > CLOCK_TOLERANCE_MS;
}

/** A clock's difference in words: `4.2 s ahead`, `3 min 20 s behind`; up to two seconds it is called right. */
export function clockWords(skewMs: number): string {
  if (!clockIsOff(skewMs)) return 'right';
  const size = Math.abs(skewMs);
  const text = size < 10_000 ? `${(size / 1000).toFixed(1)} s` : durationText(size);
  return `${text} ${skewMs > 0 ? 'ahead' : 'behind'}`;
}

const NO_NEW_WORK: Fact = {
  term: 'No new work',
  value: (
    <Text span inherit c="var(--outrunner-warn)">
      its agent is being stopped or upgraded, and ends when what runs there has ended
    </Text>
  ),
};

function Clock({ skewMs }: { skewMs: number | null }) {
  if (skewMs === null) return 'not measured';
  if (!clockIsOff(skewMs)) return clockWords(skewMs);
  return (
    <Text span inherit c="var(--outrunner-warn)">
      {clockWords(skewMs)} of the coordinator
    </Text>
  );
}

/** Whether its agent can be upgraded from here, and why not. */
function upgradableWords({ upgradable }: Replica): string {
  if (upgradable === null) return 'not known since it was last connected';
  return upgradable.can ? 'possible from here' : `not possible from here: ${upgradable.why}`;
}

/** What is known of one replica. */
export function replicaFacts(replica: Replica): Fact[] {
  const facts: Fact[] = [
    ...(replica.connected && !replica.accepting ? [NO_NEW_WORK] : []),
    {
      term: 'Connection',
      value: replica.connected ? (
        <>
          connected since <RelativeTime at={replica.connectedSince} />
        </>
      ) : (
        <>
          not connected{replica.saidGoodbye ? ' (it said good-bye)' : ''}, last heard{' '}
          <RelativeTime at={replica.lastSeen} />
        </>
      ),
    },
    { term: 'Host', value: `${replica.hostname} · ${replica.osVersion} (${platformName(replica.platform)})` },
    { term: 'Address', value: replica.address ?? 'not known' },
    { term: 'Transport', value: transportWords(replica) },
    { term: 'Proxy', value: replica.proxy ?? 'none' },
    { term: 'Round trip', value: replica.roundTripMs === null ? 'not measured' : roundTripText(replica.roundTripMs) },
    { term: 'Clock', value: <Clock skewMs={replica.skewMs} /> },
    { term: 'Agent version', value: replica.version },
    { term: 'Upgrade', value: upgradableWords(replica) },
    { term: 'Agent started', value: <RelativeTime at={replica.startedAt} none="not known" /> },
    { term: 'Runs as', value: `${replica.user} (process ${replica.pid})` },
    { term: 'Installed at', value: replica.installPath },
    { term: 'Enrolled', value: <RelativeTime at={replica.enrolledAt} /> },
  ];
  if (replica.duplicateSeenAt !== null) {
    facts.push({
      term: 'Duplicate',
      value: (
        <Text span inherit c="var(--outrunner-bad)">
          another process connected with this identity <RelativeTime at={replica.duplicateSeenAt} />
        </Text>
      ),
    });
  }
  return facts;
}
