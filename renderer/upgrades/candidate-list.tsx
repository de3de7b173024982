import { Text } from '@mantine/core';
import { IconAlertTriangle, IconArrowRight, IconPlayerSkipForward } from '@tabler/icons-react';
import type { Candidate, Candidates } from './candidates.ts';
import { replicaCount } from './upgrade-look.ts';
import classes from './upgrades.module.css';

/** More are counted: what matters about them is said above the list. */
const NAMED = 100;

/** From which version to which, host by host: first those that stay as they are, with the reason. */
export function CandidateList({ candidates: { taken, left }, version }: { candidates: Candidates; version: string }) {
  const all = [...left, ...taken.toSorted((a, b) => Number(a.obstacle === null) - Number(b.obstacle === null))];
  if (all.length === 0) return <Text size="sm">Every agent here has version {version} already.</Text>;
  const leftIds = new Set(left.map(({ replica }) => replica.id));
  return (
    <div>
      <Text size="sm" mb={6}>
        {summary(taken, version)}
        {left.length > 0 &&
          ` ${replicaCount(left.length)} ${left.length === 1 ? 'stays as it is' : 'stay as they are'}.`}
      </Text>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard */}
      <ul className={classes.list} aria-label="Replicas" tabIndex={0}>
        {all.slice(0, NAMED).map((one) => (
          <Line key={one.replica.id} candidate={one} version={version} stays={leftIds.has(one.replica.id)} />
        ))}
        {all.length > NAMED && <li>and {(all.length - NAMED).toLocaleString()} more</li>}
      </ul>
    </div>
  );
}

function summary(taken: readonly Candidate[], version: string): string {
  if (taken.length === 0) return `No agent gets version ${version}.`;
  const counts = new Map<string, number>();
  for (const { replica } of taken) counts.set(replica.version, (counts.get(replica.version) ?? 0) + 1);
  if (counts.size === 1) return `${replicaCount(taken.length)}: from ${[...counts.keys()][0]} to ${version}.`;
  const from = [...counts].map(([one, count]) => `${count} from ${one}`).join(', ');
  return `${replicaCount(taken.length)} to ${version}: ${from}.`;
}

function Line({ candidate, version, stays }: { candidate: Candidate; version: string; stays: boolean }) {
  const { runner, replica, obstacle } = candidate;
  return (
    <li>
      <span className={classes.line}>
        <b>{runner.name}</b>
        <span className={classes.detail}>{replica.hostname}</span>
        {stays ? (
          <>
            <IconPlayerSkipForward size={15} aria-hidden /> stays at {replica.version}
          </>
        ) : (
          <>
            {replica.version} <IconArrowRight size={14} role="img" aria-label="to" /> {version}
          </>
        )}
      </span>
      {obstacle !== null && (
        <span className={`${classes.line} ${classes.why}`}>
          <IconAlertTriangle size={14} aria-hidden /> {obstacle}
        </span>
      )}
    </li>
  );
}
