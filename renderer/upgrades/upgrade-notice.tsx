import { Alert, Anchor } from '@mantine/core';
import { IconLoader2, IconPlayerPause } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { UpgradeReplica, UpgradeSummary } from '../../protocol/api/upgrades.ts';
import { upgradeQueries } from '../api/upgrade-queries.ts';
import { PHASE_LOOK, phaseDetail, replicaCount, replicasOf } from './upgrade-look.ts';

/** That an upgrade is under way, of this Runner or of any, and how far; leads to it. */
export function UpgradeNotice({ runner }: { runner?: string }) {
  const upgrades = useQuery(upgradeQueries.underWay()).data ?? [];
  return upgrades.map((upgrade) =>
    runner === undefined ? (
      <Notice key={upgrade.id} upgrade={upgrade} howFar={overall(upgrade)} />
    ) : (
      <NoticeOfRunner key={upgrade.id} upgrade={upgrade} runner={runner} />
    ),
  );
}

/** Nothing when none of the replicas is of this Runner. */
function NoticeOfRunner({ upgrade, runner }: { upgrade: UpgradeSummary; runner: string }) {
  const own = useQuery(upgradeQueries.detail(upgrade.id, runner)).data?.replicas ?? [];
  return own.length === 0 ? null : <Notice upgrade={upgrade} howFar={own.map(ofReplica).join(' ')} />;
}

function Notice({ upgrade, howFar }: { upgrade: UpgradeSummary; howFar: string }) {
  const { id, version, state, reason } = upgrade;
  const isPaused = state === 'paused';
  const Icon = isPaused ? IconPlayerPause : IconLoader2;
  return (
    <Alert color={isPaused ? 'orange' : 'blue'} variant="light" p="xs" mb="sm" icon={<Icon size={18} aria-hidden />}>
      {isPaused ? `The upgrade to ${version} is paused: ${reason ?? ''}` : `An upgrade to ${version} is under way.`}{' '}
      {howFar}{' '}
      <Anchor renderRoot={(props) => <Link to="/upgrades/$id" params={{ id }} {...props} />} inherit underline="always">
        Show upgrade
      </Anchor>
    </Alert>
  );
}

function overall(upgrade: UpgradeSummary): string {
  return `${upgrade.counts['checked-in'].toLocaleString()} of ${replicaCount(replicasOf(upgrade))} checked in so far.`;
}

function ofReplica(replica: UpgradeReplica): string {
  const detail = phaseDetail(replica);
  return `${replica.hostname}: ${PHASE_LOOK[replica.phase].word.toLowerCase()}${detail === '' ? '' : ` (${detail})`}.`;
}
