import { Button, type ButtonProps, Tooltip } from '@mantine/core';
import type { ComponentPropsWithRef } from 'react';
import type { Me } from '../../protocol/api/identity.ts';
import { useBlocked } from '../api/use-blocked.ts';

interface Props extends ButtonProps, Omit<ComponentPropsWithRef<'button'>, keyof ButtonProps> {
  /** What the signed-in person must be allowed to do. */
  readonly needs?: Me['may'][number];
  /** A reason of the caller's own why it cannot be done now. */
  readonly blocked?: string | null;
}

/**
 * A button that changes something at the coordinator. While that is not possible it stays reachable by keyboard and says
 * why: offline, not permitted, or the caller's reason.
 */
export function ActionButton({ needs = 'manage', blocked, onClick, ...button }: Props) {
  const reason = useBlocked(needs) ?? blocked ?? null;
  const props = { ...button, type: button.type ?? 'button' } as const;
  if (reason === null) return <Button {...props} onClick={onClick} />;
  return (
    <Tooltip label={reason} multiline maw={320}>
      <Button {...props} type="button" data-disabled aria-disabled onClick={(event) => event.preventDefault()} />
    </Tooltip>
  );
}
