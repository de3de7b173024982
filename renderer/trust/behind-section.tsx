import { Anchor, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { BehindReplica, Trust } from '../../protocol/api/trust.ts';
import { type DataColumn, DataTable } from '../ui/data-table.tsx';
import { RelativeTime } from '../ui/relative-time.tsx';
import { Section } from '../ui/section.tsx';
import { replicaCount } from '../upgrades/upgrade-look.ts';
import { BEHIND_WORDS, behindCount, behindDetail } from './behind-words.ts';
import classes from './trust.module.css';

/** The replicas that do not know yet what holds now, and what is to be done about each. */
export function BehindSection({ trust }: { trust: Trust }) {
  const [sort, setSort] = useState('reason');
  const count = behindCount(trust);
  const { total } = trust.replicas;
  if (count === 0) {
    return (
      <Section title="Replicas">
        <Text size="sm" c="dimmed">
          {nobodyBehind(total)}
        </Text>
      </Section>
    );
  }
  return (
    <Section title={`Not up to date: ${count.toLocaleString()} of ${replicaCount(total)}`}>
      <DataTable
        label="Replicas that do not know what holds now"
        columns={COLUMNS}
        rows={trust.behind}
        rowId={({ replica }) => replica}
        sort={sort}
        onSort={setSort}
        minWidth={760}
      />
      {count > trust.behind.length && (
        <Text size="sm" c="dimmed" mt="xs">
          The first {trust.behind.length.toLocaleString()} are shown.
        </Text>
      )}
    </Section>
  );
}

function nobodyBehind(total: number): string {
  if (total === 0)
    return 'There is no replica yet. Each new download knows the key and the authorities from the start.';
  if (total === 1) return 'The one replica knows the key and the authorities that hold now.';
  return `All ${replicaCount(total)} know the key and the authorities that hold now.`;
}

const REASONS = Object.keys(BEHIND_WORDS);

const COLUMNS: DataColumn<BehindReplica>[] = [
  {
    id: 'runner',
    header: 'Runner',
    width: '200px',
    value: ({ runnerName }) => runnerName,
    cell: ({ runner, runnerName }) => (
      <Anchor
        inherit
        fw={600}
        truncate
        renderRoot={(props) => <Link to="/runners/$id" params={{ id: runner }} {...props} />}
      >
        {runnerName}
      </Anchor>
    ),
  },
  {
    id: 'host',
    header: 'Host',
    width: '170px',
    value: ({ hostname }) => hostname,
    cell: ({ hostname }) => (
      <span className={classes.cut} title={hostname}>
        {hostname}
      </span>
    ),
  },
  {
    id: 'reason',
    header: 'Why',
    value: ({ reason }) => REASONS.indexOf(reason),
    cell: (row) => (
      <span className={classes.why}>
        <span className={classes.reason} data-bad={BEHIND_WORDS[row.reason].bad || undefined}>
          {BEHIND_WORDS[row.reason].word}
        </span>
        <span className={classes.detail} title={behindDetail(row)}>
          {behindDetail(row)}
        </span>
      </span>
    ),
  },
  {
    id: 'lastSeen',
    header: 'Last seen',
    width: '120px',
    value: ({ lastSeen }) => lastSeen && Date.parse(lastSeen),
    cell: ({ lastSeen }) => <RelativeTime at={lastSeen} />,
  },
];
