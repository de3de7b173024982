import { Stack, Switch, TextInput } from '@mantine/core';
import type { Assignment } from '../../protocol/api/runners.ts';

interface Props {
  readonly value: Assignment;
  readonly onChange: (change: Partial<Assignment>) => void;
  readonly error?: string;
}

/** How a Runner serves the nodes of one project. */
export function DispatchFields({ value, onChange, error }: Props) {
  return (
    <Stack gap="sm">
      <Switch
        label="Runner as a node"
        description="The Runner's own host is a node of the project."
        checked={value.asNode}
        onChange={(event) => onChange({ asNode: event.currentTarget.checked })}
      />
      <Switch
        label="Remote dispatch"
        description="It may reach other nodes of the project."
        checked={value.remoteDispatch}
        onChange={(event) => onChange({ remoteDispatch: event.currentTarget.checked })}
      />
      {value.remoteDispatch && (
        <TextInput
          label="Node filter"
          description="The nodes that it reaches. “.*” means all."
          value={value.nodeFilter}
          onChange={(event) => onChange({ nodeFilter: event.currentTarget.value })}
          error={error}
          ff="monospace"
          spellCheck={false}
        />
      )}
    </Stack>
  );
}
