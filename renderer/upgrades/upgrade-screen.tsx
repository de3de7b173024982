import { Group, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import type { Upgrade } from '../../protocol/api/upgrades.ts';
import { asOutrunnerError } from '../api/coordinator-error.ts';
import { upgradeQueries } from '../api/upgrade-queries.ts';
import { NotFoundScreen } from '../app/not-found-screen.tsx';
import { DataState } from '../ui/data-state.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { RelativeTime } from '../ui/relative-time.tsx';
import { durationText } from '../ui/time-text.ts';
import { UpgradeActions } from './upgrade-actions.tsx';
import { PhaseCounts, UpgradeMark } from './upgrade-mark.tsx';
import { UpgradeRemarks } from './upgrade-remarks.tsx';
import { RingSections } from './upgrade-rings.tsx';
import classes from './upgrades.module.css';

/** One upgrade: how it stands, and each replica of it, ring by ring. */
export function UpgradeScreen() {
  const { id = '' } = useParams({ strict: false });
  const query = useQuery(upgradeQueries.detail(id));
  if (query.error && asOutrunnerError(query.error).code === 'not-found') return <NotFoundScreen />;
  return (
    <DataState screen="Upgrade" query={query}>
      {(upgrade) => <LoadedUpgrade key={id} upgrade={upgrade} />}
    </DataState>
  );
}

function LoadedUpgrade({ upgrade }: { upgrade: Upgrade }) {
  const { version, createdAt, createdBy, endedAt, allowDowngrade, waitSeconds } = upgrade;
  return (
    <>
      <PageHeader
        title={`Upgrade to ${version}`}
        crumbs={[
          { label: 'Runner Management', to: '/runners' },
          { label: 'Upgrades', to: '/upgrades' },
          { label: `To ${version}` },
        ]}
        description={
          <Group gap={8} mt={2}>
            <span role="status" className={classes.status}>
              <UpgradeMark upgrade={upgrade} />
            </span>
            <Text span inherit>
              begun by {createdBy} <RelativeTime at={createdAt} />
              {endedAt !== null && (
                <>
                  , ended <RelativeTime at={endedAt} />
                </>
              )}
              {` · running work is waited for up to ${waitSeconds === 0 ? 'no time' : durationText(waitSeconds * 1000)}`}
              {allowDowngrade && ' · newer versions are replaced too'}
            </Text>
          </Group>
        }
        actions={<UpgradeActions upgrade={upgrade} />}
      />
      <div className={classes.body}>
        <UpgradeRemarks upgrade={upgrade} />
        <PhaseCounts counts={upgrade.counts} />
        <RingSections upgrade={upgrade} />
      </div>
    </>
  );
}
