import { Modal, VisuallyHidden } from '@mantine/core';
import { Spotlight, useSpotlight } from '@mantine/spotlight';
import { IconSearch } from '@tabler/icons-react';
import { useState } from 'react';
import { paletteStore } from './palette-store.ts';
import { usePaletteEntries } from './use-palette-entries.tsx';

/** Ctrl or Cmd and K: go to any screen, Runner, project or job; run a job. */
export function CommandPalette({ project }: { project: string | null }) {
  const { opened } = useSpotlight(paletteStore);
  const [query, setQuery] = useState('');
  const groups = usePaletteEntries(project, query, opened);

  return (
    <Spotlight.Root
      store={paletteStore}
      query={query}
      onQueryChange={setQuery}
      shortcut={['mod + K']}
      scrollable
      maxHeight={420}
      lockScroll={false}
      centered={false}
      yOffset={72}
      overlayProps={{ blur: 0, backgroundOpacity: 0.45 }}
    >
      <VisuallyHidden>
        <Modal.Title>Search and commands</Modal.Title>
      </VisuallyHidden>
      <Spotlight.Search
        placeholder="Go to a Runner, job, project or screen; run a job"
        leftSection={<IconSearch size={18} aria-hidden />}
        aria-label="Search and commands"
      />
      <Spotlight.ActionsList>
        {groups.map(({ group, entries }) => (
          <Spotlight.ActionsGroup key={group} label={group}>
            {entries.map(({ id, label, description, icon, act }) => (
              <Spotlight.Action key={id} label={label} description={description} leftSection={icon} onClick={act} />
            ))}
          </Spotlight.ActionsGroup>
        ))}
        {groups.length === 0 && <Spotlight.Empty>Nothing fits “{query}”.</Spotlight.Empty>}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  );
}
