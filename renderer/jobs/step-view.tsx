import { Badge, Group, Text } from '@mantine/core';
import type { Step } from '../../protocol/operation.ts';
import classes from './jobs.module.css';

/** What a step does, to read. */
export function StepView({ step, index }: { step: Step; index: number }) {
  const given = step.type === 'script' ? step.arguments : [];
  return (
    <li>
      <Group gap={8} mt={index === 0 ? 0 : 'sm'}>
        <Text size="sm" fw={600}>
          {index + 1}. {step.label || (step.type === 'command' ? 'Command' : 'Script')}
        </Text>
        <Badge variant="default" size="sm">
          {step.interpreter || (step.type === 'command' ? 'command' : 'script')}
        </Badge>
      </Group>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, which must work from the keyboard */}
      <pre className={classes.code} tabIndex={0}>
        {step.type === 'command' ? step.command : step.script}
      </pre>
      {given.length > 0 && (
        <Text size="xs" c="dimmed" mt={2}>
          Arguments: {given.map((argument) => JSON.stringify(argument)).join(' ')}
        </Text>
      )}
    </li>
  );
}
