import { Alert, Code, List, Text } from '@mantine/core';
import { IconAlertTriangle, IconInfoCircle } from '@tabler/icons-react';
import type { Execution } from '../../protocol/api/executions.ts';
import { exactText } from '../ui/time-text.ts';
import { StoppingRemark } from './stopping-remark.tsx';

/** What a person must know beyond the state: why it ended so, what outlived the stop, what came too late. */
export function ExecutionRemarks({ execution }: { execution: Execution }) {
  const { state, reason, survivors, notes, operation } = execution;
  const host = execution.replica?.hostname ?? '';
  return (
    <>
      {state === 'stopping' && <StoppingRemark execution={execution} />}
      {state === 'lost' && (
        <Alert color="red" variant="light" mb="sm" icon={<IconAlertTriangle aria-hidden />} title="Lost">
          {reason !== '' && <Text size="sm">{reason}</Text>}
          How it ended is not known{operation.attempt > 1 ? ` (attempt ${operation.attempt})` : ''}. Look at the Runner
          before you run it again: its processes may still be there.
        </Alert>
      )}
      {survivors.length > 0 && (
        <Alert
          color="red"
          variant="light"
          mb="sm"
          icon={<IconAlertTriangle aria-hidden />}
          title="Could not stop everything"
        >
          {survivors.length === 1 ? 'This process was' : 'These processes were'} still running on{' '}
          {host === '' ? 'the host' : <strong>{host}</strong>} after the last try. End{' '}
          {survivors.length === 1 ? 'it' : 'them'} there as a user who may.
          <List size="sm" mt={4}>
            {survivors.map(({ pid, command }) => (
              <List.Item key={pid}>
                Process {pid}: <Code>{command}</Code>
              </List.Item>
            ))}
          </List>
        </Alert>
      )}
      {notes.length > 0 && (
        <Alert color="gray" variant="light" mb="sm" icon={<IconInfoCircle aria-hidden />} title="Notes">
          <List size="sm">
            {notes.map(({ at, text }) => (
              <List.Item key={`${at} ${text}`}>
                {text}{' '}
                <Text span size="xs" c="dimmed">
                  {exactText(Date.parse(at))}
                </Text>
              </List.Item>
            ))}
          </List>
        </Alert>
      )}
    </>
  );
}
