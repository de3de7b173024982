import type { UpgradeReplica, UpgradeSummary } from '../../protocol/api/upgrades.ts';
import { ShareBar } from '../ui/share-bar.tsx';
import { PHASE_LOOK, PHASES, phaseDetail, upgradeLook } from './upgrade-look.ts';
import classes from './upgrades.module.css';

/** The state of an upgrade: its icon and its word. */
export function UpgradeMark({ upgrade }: { upgrade: UpgradeSummary }) {
  const { icon: Icon, word, color } = upgradeLook(upgrade);
  return (
    <span className={classes.mark} style={{ color }} data-state={upgrade.state}>
      <Icon size={17} stroke={2} aria-hidden />
      {word}
    </span>
  );
}

/** How far a replica is: icon, word, and what there is to say. */
export function PhaseMark({ replica }: { replica: UpgradeReplica }) {
  const { icon: Icon, word, color } = PHASE_LOOK[replica.phase];
  const detail = phaseDetail(replica);
  const { phase, received, total } = replica;
  return (
    <span className={classes.phase} data-phase={phase}>
      <span className={classes.mark} style={{ color }}>
        <Icon size={16} stroke={2} aria-hidden />
        {word}
      </span>
      {phase === 'downloading' && total > 0 && <ShareBar part={received} whole={total} />}
      {detail !== '' && (
        <span className={classes.detail} title={detail}>
          {detail}
        </span>
      )}
    </span>
  );
}

/** How many replicas are how far. */
export function PhaseCounts({ counts }: Pick<UpgradeSummary, 'counts'>) {
  return (
    <span className={classes.counts}>
      {PHASES.filter((phase) => counts[phase] > 0).map((phase) => {
        const count = counts[phase];
        const { icon: Icon, word, ofMany, color } = PHASE_LOOK[phase];
        return (
          <span key={phase} className={classes.mark} style={{ color }}>
            <Icon size={15} stroke={2} aria-hidden />
            {count.toLocaleString()} {count > 1 && ofMany ? ofMany : word.toLowerCase()}
          </span>
        );
      })}
    </span>
  );
}
