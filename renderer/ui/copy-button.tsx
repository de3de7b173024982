import { ActionIcon, Code, CopyButton as MantineCopyButton, Tooltip } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import classes from './copy-button.module.css';

/** Copies `value` to the clipboard and says so for a moment. `what` names it for screen readers. */
export function CopyButton({ value, what }: { value: string; what: string }) {
  return (
    <MantineCopyButton value={value} timeout={2000}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? 'Copied' : `Copy ${what}`}>
          <ActionIcon
            variant="subtle"
            color={copied ? 'green' : 'gray'}
            onClick={copy}
            aria-label={copied ? `${what}: copied` : `Copy ${what}`}
          >
            {copied ? <IconCheck size={16} aria-hidden /> : <IconCopy size={16} aria-hidden />}
          </ActionIcon>
        </Tooltip>
      )}
    </MantineCopyButton>
  );
}

/** A command or a value to take along, with its copy button. */
export function CopyLine({ value, what }: { value: string; what: string }) {
  return (
    <div className={classes.line}>
      {/* A long line scrolls sideways, which must work from the keyboard too. */}
      <Code className={classes.code} tabIndex={0}>
        {value}
      </Code>
      <CopyButton value={value} what={what} />
    </div>
  );
}

/** A text of several lines to take along, with its copy button. */
export function CopyBlock({ value, what }: { value: string; what: string }) {
  return (
    <div className={classes.block}>
      <Code block className={classes.text} tabIndex={0}>
        {value}
      </Code>
      <CopyButton value={value} what={what} />
    </div>
  );
}
