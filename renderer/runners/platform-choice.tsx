import { Badge, Group, Radio, SimpleGrid, Text } from '@mantine/core';
import { IconBrandApple, IconBrandWindows, IconServer } from '@tabler/icons-react';
import type { Package } from '../../protocol/api/packages.ts';
import type { PlatformTarget } from '../../protocol/enrolment.ts';
import { byteSize } from '../ui/byte-size.ts';
import classes from './platform-choice.module.css';

interface Props {
  readonly packages: readonly Package[];
  readonly value: PlatformTarget | null;
  readonly onChange: (platform: PlatformTarget) => void;
}

function iconOf(platform: PlatformTarget) {
  if (platform.startsWith('win')) return IconBrandWindows;
  return platform.startsWith('macos') ? IconBrandApple : IconServer;
}

/** A card for each platform. One that is not there can be chosen too: it then says how to get it. */
export function PlatformChoice({ packages, value, onChange }: Props) {
  return (
    <Radio.Group
      value={value}
      onChange={(platform) => onChange(platform as PlatformTarget)}
      label="Platform of the host"
      labelProps={{ fw: 600, mb: 6 }}
    >
      <SimpleGrid cols={{ base: 2, md: 3 }} spacing="xs">
        {packages.map(({ platform, label, available, downloadSize, formats }) => {
          const Icon = iconOf(platform);
          return (
            <Radio.Card key={platform} value={platform} className={classes.card} radius="md">
              <Group gap={8} wrap="nowrap" align="flex-start">
                <Radio.Indicator mt={2} size="xs" />
                <div>
                  <Group gap={6} wrap="nowrap">
                    <Icon size={16} stroke={1.7} aria-hidden className={classes.icon} />
                    <Text size="sm" fw={600}>
                      {label}
                    </Text>
                  </Group>
                  {available ? (
                    <Text size="xs" c="dimmed">
                      {downloadSize === null ? '' : `${byteSize(downloadSize)} · `}
                      {formats.map((format) => `.${format}`).join(' ')}
                    </Text>
                  ) : (
                    <Badge size="xs" variant="default" mt={2}>
                      not built
                    </Badge>
                  )}
                </div>
              </Group>
            </Radio.Card>
          );
        })}
      </SimpleGrid>
    </Radio.Group>
  );
}
