import { SimpleGrid, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { trustQueries } from '../api/trust-queries.ts';
import { DataState } from '../ui/data-state.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { AuthoritiesSection } from './authorities-section.tsx';
import { BehindSection } from './behind-section.tsx';
import { KeySection } from './key-section.tsx';

/** What Runners know this coordinator by, how it is replaced, and who does not know the new yet. */
export function TrustScreen() {
  const query = useQuery(trustQueries.now());
  return (
    <>
      <PageHeader
        title="Keys and certificates"
        description="What Runners know this coordinator by. Both can be replaced while Runners are connected or away."
      />
      <DataState query={query}>
        {(trust) => (
          <Stack gap="md">
            <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
              <KeySection trust={trust} />
              <AuthoritiesSection authorities={trust.authorities} />
            </SimpleGrid>
            <BehindSection trust={trust} />
          </Stack>
        )}
      </DataState>
    </>
  );
}
