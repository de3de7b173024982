import { ActionIcon, Button, Menu, Select, TextInput, Tooltip } from '@mantine/core';
import {
  IconChevronDown,
  IconChevronUp,
  IconClock,
  IconCopy,
  IconDownload,
  IconPlayerPause,
  IconPlayerPlay,
  IconSearch,
  IconTextWrap,
} from '@tabler/icons-react';
import type { KeyboardEvent, ReactNode, Ref } from 'react';
import classes from './output.module.css';
import type { OutputFormat } from './save-output.ts';
import type { SearchState } from './use-line-search.ts';

export interface OutputStep {
  readonly index: number;
  readonly label: string;
}

interface Props {
  readonly steps: readonly OutputStep[];
  /** null: all. */
  readonly step: number | null;
  readonly onStep: (step: number | null) => void;
  readonly search: SearchState;
  readonly onWanted: (wanted: string) => void;
  readonly searchField: Ref<HTMLInputElement>;
  /** More may come: it can be followed. */
  readonly live: boolean;
  readonly following: boolean;
  readonly onFollowing: (following: boolean) => void;
  readonly wrap: boolean;
  readonly onWrap: () => void;
  readonly timestamps: boolean;
  readonly onTimestamps: () => void;
  readonly onCopy: () => void;
  readonly onSave: (format: OutputFormat) => void;
  readonly saving: boolean;
}

const ALL_STEPS = 'all';

/** What can be done with the output: search, choose a step, follow, wrap, times, copy, download. */
export function OutputToolbar(props: Props) {
  const { steps, step, onStep, following, onFollowing } = props;
  return (
    <div className={classes.toolbar} role="toolbar" aria-label="Output tools">
      <SearchField search={props.search} onWanted={props.onWanted} field={props.searchField} />
      <span className={classes.spring} />
      {steps.length > 1 && (
        <Select
          aria-label="Step"
          size="xs"
          className={classes.stepFilter}
          value={step === null ? ALL_STEPS : String(step)}
          onChange={(value) => onStep(value === null || value === ALL_STEPS ? null : Number(value))}
          data={[
            { value: ALL_STEPS, label: 'All steps' },
            ...steps.map(({ index, label }) => ({ value: String(index), label: `${index + 1}: ${label}` })),
          ]}
          comboboxProps={{ width: 320, position: 'bottom-end' }}
        />
      )}
      {props.live && (
        <Button
          size="compact-sm"
          variant="default"
          aria-pressed={following}
          onClick={() => onFollowing(!following)}
          leftSection={following ? <IconPlayerPause size={14} aria-hidden /> : <IconPlayerPlay size={14} aria-hidden />}
        >
          {following ? 'Pause' : 'Follow'}
        </Button>
      )}
      <Toggle label="Wrap long lines" on={props.wrap} onClick={props.onWrap}>
        <IconTextWrap size={16} aria-hidden />
      </Toggle>
      <Toggle label="Show times" on={props.timestamps} onClick={props.onTimestamps}>
        <IconClock size={16} aria-hidden />
      </Toggle>
      <Tooltip label="Copy the output that is shown">
        <ActionIcon aria-label="Copy the output that is shown" onClick={props.onCopy}>
          <IconCopy size={16} aria-hidden />
        </ActionIcon>
      </Tooltip>
      <Menu position="bottom-end">
        <Menu.Target>
          <Tooltip label="Download the output">
            <ActionIcon aria-label="Download the output" loading={props.saving}>
              <IconDownload size={16} aria-hidden />
            </ActionIcon>
          </Tooltip>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => props.onSave('text')}>As text (.log)</Menu.Item>
          <Menu.Item onClick={() => props.onSave('journal')}>As journal, every byte (.journal)</Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </div>
  );
}

function Toggle({
  label,
  on,
  onClick,
  children,
}: {
  label: string;
  on: boolean;
  onClick: () => void;
  children: ReactNode;
}) {
  return (
    <Tooltip label={label}>
      <ActionIcon
        aria-label={label}
        aria-pressed={on}
        variant={on ? 'light' : 'subtle'}
        color={on ? 'ink' : 'gray'}
        onClick={onClick}
      >
        {children}
      </ActionIcon>
    </Tooltip>
  );
}

function SearchField({
  search,
  onWanted,
  field,
}: {
  search: SearchState;
  onWanted: Props['onWanted'];
  field: Props['searchField'];
}) {
  const { wanted, count, go } = search;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter') go(event.shiftKey ? 'previous' : 'next');
    else if (event.key === 'Escape' && wanted !== '') onWanted('');
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <>
      <TextInput
        ref={field}
        className={classes.search}
        size="xs"
        aria-label="Search the output"
        placeholder="Search the output"
        leftSection={<IconSearch size={14} aria-hidden />}
        value={wanted}
        onChange={(event) => onWanted(event.currentTarget.value)}
        onKeyDown={onKeyDown}
        autoComplete="off"
        spellCheck={false}
      />
      {wanted !== '' && (
        <>
          <Tooltip label="Previous match (Shift+Return)">
            <ActionIcon aria-label="Previous match" aria-disabled={count === 0} onClick={() => go('previous')}>
              <IconChevronUp size={16} aria-hidden />
            </ActionIcon>
          </Tooltip>
          <Tooltip label="Next match (Return)">
            <ActionIcon aria-label="Next match" aria-disabled={count === 0} onClick={() => go('next')}>
              <IconChevronDown size={16} aria-hidden />
            </ActionIcon>
          </Tooltip>
          <output className={classes.matches}>{matchText(search)}</output>
        </>
      )}
    </>
  );
}

function matchText({ count, done, current }: SearchState): string {
  if (count === 0) return done ? 'Nothing found' : 'Searching…';
  const lines = `${count.toLocaleString()}${done ? '' : '+'} ${count === 1 ? 'line' : 'lines'}`;
  return current === null ? lines : `${current.place.toLocaleString()} of ${lines}`;
}
