import { SegmentedControl, Stack, Text } from '@mantine/core';
import { THEME_CHOICES, useThemeChoice } from '../app/use-theme-choice.ts';
import { useHost } from '../host/host-context.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { Section } from '../ui/section.tsx';
import { CoordinatorsSection } from './coordinators-section.tsx';

/** What this person set on this computer. */
export function SettingsScreen() {
  const { choice, choose } = useThemeChoice();
  const { profiles } = useHost();
  return (
    <>
      <PageHeader title="Settings" description="Kept on this computer." />
      <Stack maw={680} gap="md">
        <Section title="Theme">
          <Text size="sm" c="dimmed" mb="sm">
            Light or dark, or as the system says.
          </Text>
          <SegmentedControl
            value={choice}
            onChange={(value) => {
              const theme = THEME_CHOICES.find((one) => one.value === value);
              if (theme) choose(theme.value);
            }}
            data={[...THEME_CHOICES]}
            aria-label="Theme"
          />
        </Section>
        {profiles !== null && <CoordinatorsSection port={profiles} />}
      </Stack>
    </>
  );
}
