import { Anchor, Code, SimpleGrid, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Package } from '../../protocol/api/packages.ts';
import { PRODUCT_VERSION, PROTOCOL_VERSION } from '../../protocol/version.ts';
import { packageQueries } from '../api/package-queries.ts';
import { sessionQueries } from '../api/session-queries.ts';
import { useHost } from '../host/host-context.tsx';
import { shellQueries } from '../host/shell-queries.ts';
import { Meaning } from '../runners/install/meaning.tsx';
import { DEVELOPMENT_KEY, signatureWords } from '../runners/install/signature-words.ts';
import { byteSize } from '../ui/byte-size.ts';
import { DataState } from '../ui/data-state.tsx';
import { Facts } from '../ui/facts.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { Section } from '../ui/section.tsx';
import { durationText } from '../ui/time-text.ts';

/** Which coordinator this is, which console, and what it can hand out. */
export function AboutScreen() {
  return (
    <>
      <PageHeader title="System and about" />
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <CoordinatorSection />
        <ConsoleSection />
        <AgentsSection />
      </SimpleGrid>
    </>
  );
}

function CoordinatorSection() {
  const me = useQuery(sessionQueries.me());
  const health = useQuery({ ...sessionQueries.health(), refetchInterval: 10_000 });
  return (
    <Section title="Coordinator">
      <DataState query={me}>
        {({ coordinator, user }) => (
          <Facts
            facts={[
              { term: 'Address', value: coordinator.url },
              { term: 'Version', value: coordinator.version },
              { term: 'Protocol', value: String(coordinator.protocol) },
              { term: 'Runs', value: coordinator.embedded ? 'on this computer, inside the console' : 'as a service' },
              { term: 'Up for', value: health.data ? durationText(health.data.uptimeSeconds * 1000) : '–' },
              { term: 'Id', value: <Code>{coordinator.id}</Code> },
              { term: 'Public key', value: <Code>{coordinator.publicKey}</Code> },
              { term: 'Signed in as', value: `${user.name} (${user.role})` },
              {
                term: 'REST API',
                value: (
                  <Anchor inherit href="/api/docs" target="_blank" rel="noreferrer">
                    Documentation
                  </Anchor>
                ),
              },
            ]}
          />
        )}
      </DataState>
    </Section>
  );
}

function ConsoleSection() {
  const host = useHost();
  const shell = useQuery(shellQueries.version(host));
  const runsIn = shell.data
    ? `the desktop console ${shell.data.version} (Electron ${shell.data.electron})`
    : 'a browser';
  return (
    <Section title="Console">
      <Facts
        facts={[
          { term: 'Version', value: PRODUCT_VERSION },
          { term: 'Protocol', value: String(PROTOCOL_VERSION) },
          { term: 'Runs in', value: runsIn },
          { term: 'Licence', value: 'Apache-2.0' },
        ]}
      />
    </Section>
  );
}

/** How large it is, and what the system of a host finds in it. */
function Executable({ found: { available, executable, platform, reason } }: { found: Package }) {
  if (!available || executable === null) return reason ?? 'not built';
  const { title, meaning } = signatureWords(platform, executable.platformSignature);
  return (
    <>
      <span>{`${byteSize(executable.size)} · ${title}`}</span>
      <Text size="xs" c="dimmed">
        <Meaning text={meaning} />
      </Text>
    </>
  );
}

function AgentsSection() {
  const release = useQuery(packageQueries.list());
  return (
    <Section title="Agent executables">
      <DataState query={release}>
        {({ version, development, packages }) => (
          <>
            <Text size="sm" c="dimmed" mb="xs">
              {version === null ? 'Nothing is built.' : `Version ${version}.`}
              {version !== null && development && ` A development build. ${DEVELOPMENT_KEY}`}
            </Text>
            <Facts facts={packages.map((one) => ({ term: one.label, value: <Executable found={one} /> }))} />
          </>
        )}
      </DataState>
    </Section>
  );
}
