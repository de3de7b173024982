import { Group, Text } from '@mantine/core';

/** The product's mark and name. */
export function Mark() {
  return (
    <Group gap={8} wrap="nowrap">
      <img src="/mark.svg" width={24} height={24} alt="" />
      <Text fw={700} fz="md" lh={1}>
        Outrunner
      </Text>
    </Group>
  );
}
