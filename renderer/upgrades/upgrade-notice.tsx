import { Alert, Anchor } from '@mantine/core';
import { IconLoader2, IconPlayerPause } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Upgrade } from '../../protocol/api/upgrades.ts';
import { upgradeQueries } from '../api/upgrade-queries.ts';
import { PHASE_LOOK, phaseDetail, replicaCount } from './upgrade-look.ts';

/** That an upgrade is under way, of this Runner or of any, and how far; leads to it. */
export function UpgradeNotice({ runner }: { runner?: string }) {
  const upgrades = useQuery(upgradeQueries.underWay()).data ?? [];
  return upgrades
    .filter(({ replicas }) => runner === undefined || replicas.some((one) => one.runner === runner))
    .map((upgrade) => <Notice key={upgrade.id} upgrade={upgrade} runner={runner} />);
}

function Notice({ upgrade, runner }: { upgrade: Upgrade; runner: string | undefined }) {
  const { id, version, state, reason } = upgrade;
  const isPaused = state === 'paused';
  const Icon = isPaused ? IconPlayerPause : IconLoader2;
  return (
    <Alert color={isPaused ? 'orange' : 'blue'} variant="light" p="xs" mb="sm" icon={<Icon size={18} aria-hidden />}>
      {isPaused ? `The upgrade to ${version} is paused: ${reason ?? ''}` : `An upgrade to ${version} is under way.`}{' '}
      {runner === undefined ? overall(upgrade) : ofRunner(upgrade, runner)}{' '}
      <Anchor renderRoot={(props) => <Link to="/upgrades/$id" params={{ id }} {...props} />} inherit underline="always">
        Show upgrade
      </Anchor>
    </Alert>
  );
}

function overall({ replicas }: Upgrade): string {
  const done = replicas.filter(({ phase }) => phase === 'checked-in').length;
  return `${done.toLocaleString()} of ${replicaCount(replicas.length)} checked in so far.`;
}

function ofRunner({ replicas }: Upgrade, runner: string): string {
  const own = replicas.filter((replica) => replica.runner === runner);
  return own
    .map((replica) => {
      const detail = phaseDetail(replica);
      return `${replica.hostname}: ${PHASE_LOOK[replica.phase].word.toLowerCase()}${detail === '' ? '' : ` (${detail})`}.`;
    })
    .join(' ');
}
