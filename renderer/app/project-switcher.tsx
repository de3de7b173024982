import { Button, Combobox, ScrollArea, Text, useCombobox } from '@mantine/core';
import { IconChevronDown } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { projectQueries } from '../api/project-queries.ts';
import { containsWords } from '../ui/contains-words.ts';

/** Shows the project and leads to another; typing narrows the list. */
export function ProjectSwitcher({ project }: { project: string | null }) {
  const projects = useQuery(projectQueries.list());
  const navigate = useNavigate();
  const [search, setSearch] = useState('');
  const combobox = useCombobox({
    onDropdownClose: () => {
      combobox.resetSelectedOption();
      setSearch('');
    },
    onDropdownOpen: () => combobox.focusSearchInput(),
  });
  const found = (projects.data ?? []).filter(({ name, label }) => containsWords(search, name, label));
  const current = projects.data?.find(({ name }) => name === project);

  return (
    <Combobox
      store={combobox}
      width={280}
      position="bottom-start"
      keepMounted={false}
      onOptionSubmit={(name) => {
        combobox.closeDropdown();
        void navigate({ to: '/projects/$project/jobs', params: { project: name } });
      }}
    >
      <Combobox.Target targetType="button">
        <Button
          variant="subtle"
          color="gray"
          size="compact-md"
          fz="sm"
          fw={project === null ? 400 : 600}
          c={project === null ? 'dimmed' : 'var(--mantine-color-text)'}
          rightSection={<IconChevronDown size={14} aria-hidden />}
          onClick={() => combobox.toggleDropdown()}
          aria-label={project === null ? 'Choose a project' : `Project ${current?.label ?? project}: choose another`}
        >
          {project === null ? 'Choose a project' : (current?.label ?? project)}
        </Button>
      </Combobox.Target>
      <Combobox.Dropdown>
        <Combobox.Search
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
          placeholder="Find a project"
          aria-label="Find a project"
        />
        <Combobox.Options aria-label="Projects">
          <ScrollArea.Autosize mah={320} type="auto">
            {found.map(({ name, label }) => (
              <Combobox.Option key={name} value={name} active={name === project}>
                <Text size="sm">{label}</Text>
                {label !== name && (
                  <Text size="xs" c="dimmed">
                    {name}
                  </Text>
                )}
              </Combobox.Option>
            ))}
          </ScrollArea.Autosize>
          {found.length === 0 && (
            <Combobox.Empty>{projects.isPending ? 'Loading…' : 'No project has this name.'}</Combobox.Empty>
          )}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  );
}
