import { ActionIcon, Popover, Switch, Text } from '@mantine/core';
import { IconAdjustmentsHorizontal } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import type { Project } from '../../protocol/api/projects.ts';
import type { Assignment } from '../../protocol/api/runners.ts';
import { type DataColumn, DataTable } from '../ui/data-table.tsx';
import { DispatchFields } from './dispatch-fields.tsx';

interface Props {
  readonly projects: readonly Project[];
  readonly assigned: readonly Assignment[];
  readonly onChange: (assigned: Assignment[]) => void;
  /** Why nothing can be changed now. */
  readonly blocked?: boolean;
}

/** Projects with a switch each: whether the Runner is assigned to it, and how it serves its nodes. */
export function AssignmentTable({ projects, assigned, onChange, blocked = false }: Props) {
  const [sort, setSort] = useState('name');
  const columns = useMemo((): DataColumn<Project>[] => {
    const find = (name: string) => assigned.find(({ project }) => project === name);
    return [
      {
        id: 'name',
        header: 'Name',
        value: (project) => project.name,
        cell: ({ name }) => (
          <Text inherit fw={600} truncate>
            {name}
          </Text>
        ),
      },
      {
        id: 'label',
        header: 'Label',
        value: (project) => project.label,
        cell: ({ label }) => (
          <Text inherit truncate>
            {label}
          </Text>
        ),
      },
      {
        id: 'dispatch',
        header: 'Node Dispatch',
        width: '130px',
        cell: ({ name }) => {
          const one = find(name);
          if (one === undefined) return null;
          const change = (part: Partial<Assignment>) =>
            onChange(assigned.map((other) => (other.project === name ? { ...one, ...part } : other)));
          return <DispatchPopover assignment={one} onChange={change} blocked={blocked} />;
        },
      },
      {
        id: 'assigned',
        header: 'Assigned',
        width: '110px',
        value: (project) => (find(project.name) ? 0 : 1),
        cell: ({ name }) => (
          <Switch
            checked={find(name) !== undefined}
            disabled={blocked}
            onChange={(event) => onChange(withProject(assigned, name, event.currentTarget.checked))}
            aria-label={`Assigned to ${name}`}
          />
        ),
      },
    ];
  }, [assigned, onChange, blocked]);
  return (
    <DataTable
      label="Projects"
      columns={columns}
      rows={projects}
      rowId={(project) => project.name}
      sort={sort}
      onSort={setSort}
      minWidth={520}
    />
  );
}

/** The assignments with a project added (with the usual dispatch) or taken out. */
export function withProject(assigned: readonly Assignment[], project: string, on: boolean): Assignment[] {
  const others = assigned.filter((one) => one.project !== project);
  return on ? [...others, { project, asNode: true, remoteDispatch: false, nodeFilter: '.*' }] : others;
}

interface PopoverProps {
  readonly assignment: Assignment;
  readonly onChange: (change: Partial<Assignment>) => void;
  readonly blocked: boolean;
}

function DispatchPopover({ assignment, onChange, blocked }: PopoverProps) {
  const words = [assignment.asNode ? 'node' : null, assignment.remoteDispatch ? 'remote' : null].filter(Boolean);
  return (
    <Popover width={300} position="bottom-end" withArrow trapFocus>
      <Popover.Target>
        <ActionIcon
          w="auto"
          px={6}
          disabled={blocked}
          aria-label={`Node dispatch of ${assignment.project}: ${words.join(' and ') || 'none'}`}
        >
          <IconAdjustmentsHorizontal size={15} aria-hidden />
          <Text span size="xs" ml={6} aria-hidden>
            {words.join(', ') || 'none'}
          </Text>
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown>
        <DispatchFields value={assignment} onChange={onChange} />
      </Popover.Dropdown>
    </Popover>
  );
}
