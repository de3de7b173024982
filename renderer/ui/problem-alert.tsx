import { Alert, Button, Code, Group, List, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { asOutrunnerError, CoordinatorError, titleOf } from '../api/coordinator-error.ts';

interface Props {
  readonly error: unknown;
  readonly onRetry?: () => void;
  /** Fields that the form shows at their place; the rest is listed here. */
  readonly shownFields?: (path: string) => boolean;
}

/** What went wrong, what to do about it, and the request id that finds it in the log. */
export function ProblemAlert({ error, onRetry, shownFields }: Props) {
  const problem = asOutrunnerError(error);
  const coordinator = problem instanceof CoordinatorError ? problem : null;
  const title = titleOf(problem);
  const fields = problem.fields.filter(({ path }) => !shownFields?.(path));
  return (
    <Alert color="red" variant="light" title={title} icon={<IconAlertTriangle aria-hidden />} role="alert">
      {problem.message !== title && <Text size="sm">{problem.message}</Text>}
      {fields.length > 0 && (
        <List size="sm" mt={4}>
          {fields.map(({ path, message }) => (
            <List.Item key={`${path} ${message}`}>{path === '' ? message : `${path}: ${message}`}</List.Item>
          ))}
        </List>
      )}
      <Text size="sm" mt={4}>
        {problem.todo}
      </Text>
      {(onRetry || coordinator?.requestId) && (
        <Group gap="sm" mt="xs">
          {onRetry && (
            <Button size="compact-sm" variant="default" onClick={onRetry}>
              Try again
            </Button>
          )}
          {coordinator?.requestId && (
            <Text size="xs" c="dimmed">
              Request <Code>{coordinator.requestId}</Code>
            </Text>
          )}
        </Group>
      )}
    </Alert>
  );
}
