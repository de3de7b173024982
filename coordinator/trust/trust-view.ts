import type { BehindReason, BehindReplica, Trust } from '../../protocol/api/trust.ts';
import type { RunnerLink } from '../gateway/runner-link.ts';
import type { RunnerIndex } from '../runners/runner-index.ts';
import { isoTime } from '../store/stored-forms.ts';
import type { AnnouncedTrust } from './announced-trust.ts';
import { describeAuthorities } from './authorities.ts';
import { behindDetail, behindReason } from './who-is-behind.ts';

const BEHIND_SHOWN = 100;
/** Those first that somebody has to do something about. */
const ORDER: readonly BehindReason[] = ['unable', 'refused', 'away', 'told'];

/** What holds now, and how far the Runners are. */
export function trustView(announced: AnnouncedTrust, index: RunnerIndex, link: Pick<RunnerLink, 'replica'>): Trust {
  const replicas = { total: 0, current: 0, away: 0, told: 0, refused: 0, unable: 0, pinned: 0 };
  const behind: BehindReplica[] = [];
  for (const { row: runner, replicas: known } of index.all()) {
    for (const { row, facts } of known) {
      const presence = link.replica(row.id);
      // Revoked a moment ago.
      if (presence === null) continue;
      replicas.total += 1;
      if (presence.trustSerial === null) replicas.pinned += 1;
      const reason = behindReason(announced, presence, row.enrolled_at);
      replicas[reason ?? 'current'] += 1;
      if (reason === null) continue;
      behind.push({
        replica: row.id,
        runner: runner.id,
        runnerName: runner.name,
        hostname: facts.hostname,
        connected: presence.connected,
        lastSeen: isoTime(presence.lastSeen),
        reason,
        detail: behindDetail(announced, presence),
      });
    }
  }
  const rank = ({ reason }: BehindReplica) => ORDER.indexOf(reason);
  behind.sort((a, b) => rank(a) - rank(b) || (a.runnerName < b.runnerName ? -1 : 1));
  const { previousKey, authorities } = announced;
  return {
    key: { publicKey: announced.publicKey, since: isoTime(announced.keySince) },
    previousKey: previousKey === null ? null : { publicKey: previousKey },
    authorities: authorities === null ? null : describeAuthorities(authorities),
    replicas,
    behind: behind.slice(0, BEHIND_SHOWN),
  };
}
