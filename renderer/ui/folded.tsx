import { Button, Collapse, Text } from '@mantine/core';
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { type ReactNode, useEffect, useId, useRef, useState } from 'react';

interface Props {
  readonly label: string;
  /** What is set inside, said while it is folded. */
  readonly hint?: string;
  /** Something inside needs to be seen: it cannot stay folded. */
  readonly forced?: boolean;
  readonly children: ReactNode;
}

/** Fields that most people need not see: one line, which unfolds. */
export function Folded({ label, hint = '', forced = false, children }: Props) {
  const [opened, setOpened] = useState(false);
  const id = useId();
  const whole = useRef<HTMLDivElement>(null);
  // What was unfolded is what the person wants to see.
  useEffect(() => {
    if (opened) whole.current?.scrollIntoView({ block: 'nearest' });
  }, [opened]);
  const open = opened || forced;
  const Chevron = open ? IconChevronDown : IconChevronRight;
  return (
    <div ref={whole}>
      <Button
        variant="subtle"
        color="gray"
        size="compact-sm"
        leftSection={<Chevron size={15} aria-hidden />}
        onClick={() => setOpened(!open)}
        aria-expanded={open}
        aria-controls={id}
        ml={-8}
      >
        {label}
      </Button>
      {!open && hint !== '' && (
        <Text span size="xs" c="dimmed" ml={4}>
          {hint}
        </Text>
      )}
      <Collapse expanded={open} id={id} transitionDuration={0}>
        {children}
      </Collapse>
    </div>
  );
}
