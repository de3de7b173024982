import { Text } from '@mantine/core';
import type { Replica } from '../../protocol/api/runners.ts';
import type { Fact } from '../ui/facts.tsx';
import { platformName } from '../ui/platform-name.ts';
import { RelativeTime } from '../ui/relative-time.tsx';
import { roundTripText } from './use-ping.ts';

const POLLING = 'Long polling: no WebSocket gets through';

/** How a replica is connected, in words, and why it polls when it does. */
export function transportWords({ transport, transportReason }: Pick<Replica, 'transport' | 'transportReason'>): string {
  if (transport === null) return 'none';
  if (transport === 'websocket') return 'WebSocket';
  return transportReason === null ? POLLING : `Long polling. ${transportReason}`;
}

/** A clock's difference in words: `0.3 s ahead`. Below a tenth of a second it is called right. */
export function clockWords(skewMs: number): string {
  const size = Math.abs(skewMs);
  if (size < 100) return 'right';
  const text = size < 10_000 ? `${(size / 1000).toFixed(1)} s` : `${Math.round(size / 1000)} s`;
  return `${text} ${skewMs > 0 ? 'ahead' : 'behind'}`;
}

/** What is known of one replica. */
export function replicaFacts(replica: Replica): Fact[] {
  const facts: Fact[] = [
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
    { term: 'Clock', value: replica.skewMs === null ? 'not measured' : clockWords(replica.skewMs) },
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
