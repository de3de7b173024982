import { Alert, SegmentedControl, Stack, Tabs, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import type { z } from 'zod';
import type { Package, packageRoutes } from '../../protocol/api/packages.ts';
import type { Runner } from '../../protocol/api/runners.ts';
import type { PlatformTarget } from '../../protocol/enrolment.ts';
import { packageFileName, packageFolder } from '../../protocol/package-name.ts';
import { type PackageFormat, PackageFormatSchema } from '../../protocol/package-options.ts';
import { packageQueries } from '../api/package-queries.ts';
import { runnerKeys } from '../api/runner-queries.ts';
import { DataState } from '../ui/data-state.tsx';
import { type Connection, ConnectionFields, connectionProblems, NO_CONNECTION } from './install/connection-fields.tsx';
import { ContainerTab, KubernetesTab } from './install/container-tab.tsx';
import { OneLineTab } from './install/one-line-tab.tsx';
import { SignatureNote } from './install/signature-note.tsx';
import { likelyPlatform } from './likely-platform.ts';
import { PackageDownload } from './package-download.tsx';
import { PlatformChoice } from './platform-choice.tsx';
import { startCommands } from './start-commands.ts';
import { StartCommandsList } from './start-commands-list.tsx';
import { useDownload } from './use-download.ts';

const LAST_PLATFORM = 'outrunner.last-platform';

interface Props {
  readonly runner: Runner;
  /** Why nothing can be downloaded now. */
  readonly blocked?: string | null;
  /** Proxy and certificates, where others want to know them, too. */
  readonly connection?: readonly [Connection, (connection: Connection) => void];
}

/** Choose the platform, then how the Runner gets to its host: a download, one line, or a container. */
export function PackagePanel({ runner, blocked = null, connection }: Props) {
  const own = useState(NO_CONNECTION);
  const release = useQuery(packageQueries.list());
  return (
    <DataState query={release}>
      {(found) => <Choice release={found} runner={runner} blocked={blocked} connection={connection ?? own} />}
    </DataState>
  );
}

type Release = z.output<(typeof packageRoutes.listPackages)['answer']>;

function Choice({
  release,
  runner,
  blocked,
  connection: [connection, setConnection],
}: Required<Props> & { release: Release }) {
  const { packages, version, development } = release;
  const [platform, setPlatform] = useState<PlatformTarget | null>(() =>
    likelyPlatform({
      runner: runner.platform,
      last: localStorage.getItem(LAST_PLATFORM),
      userAgent: navigator.userAgent,
      available: packages.filter(({ available }) => available).map((one) => one.platform),
    }),
  );
  const chosen = packages.find((one) => one.platform === platform);
  const problems = connectionProblems(connection);
  const wrong = (problems.proxy ?? problems.ca) === null ? null : 'The proxy or the certificates are not right yet.';
  const linux = platform?.startsWith('linux') ?? false;
  const part = { runner, connection };

  return (
    <Stack gap="md">
      {packages.every(({ available }) => !available) && (
        <Alert color="orange" variant="light" title="No executable is built on this coordinator">
          {packages[0]?.reason}
        </Alert>
      )}
      <PlatformChoice packages={packages} value={platform} onChange={setPlatform} />
      {chosen && !chosen.available && (
        <Alert variant="light" color="gray" title={`${chosen.label} is not built on this coordinator`}>
          {chosen.reason ?? 'Its executable is missing.'}
        </Alert>
      )}
      {chosen?.available && (
        <>
          <SignatureNote chosen={chosen} development={development} />
          <ConnectionFields
            value={connection}
            problems={problems}
            onChange={(change) => setConnection({ ...connection, ...change })}
          />
          <Tabs defaultValue="download" keepMounted={false} key={linux ? 'linux' : 'other'}>
            <Tabs.List>
              <Tabs.Tab value="download">Download</Tabs.Tab>
              <Tabs.Tab value="line">One line</Tabs.Tab>
              {linux && <Tabs.Tab value="container">Container</Tabs.Tab>}
              {linux && <Tabs.Tab value="kubernetes">Kubernetes</Tabs.Tab>}
            </Tabs.List>
            <Tabs.Panel value="download" pt="sm">
              <DownloadTab key={chosen.platform} {...part} chosen={chosen} blocked={blocked ?? wrong} />
            </Tabs.Panel>
            <Tabs.Panel value="line" pt="sm">
              <WithInstall runner={runner} blocked={blocked ?? wrong}>
                {(install) => <OneLineTab platform={chosen.platform} install={install} connection={connection} />}
              </WithInstall>
            </Tabs.Panel>
            {linux && (
              <>
                <Tabs.Panel value="container" pt="sm">
                  <WithInstall runner={runner} blocked={blocked ?? wrong}>
                    {({ config }) => <ContainerTab {...part} config={config} version={version ?? 'latest'} />}
                  </WithInstall>
                </Tabs.Panel>
                <Tabs.Panel value="kubernetes" pt="sm">
                  <WithInstall runner={runner} blocked={blocked ?? wrong}>
                    {({ config }) => <KubernetesTab {...part} config={config} version={version ?? 'latest'} />}
                  </WithInstall>
                </Tabs.Panel>
              </>
            )}
          </Tabs>
        </>
      )}
    </Stack>
  );
}

interface DownloadTabProps {
  readonly runner: Runner;
  readonly chosen: Package;
  readonly connection: Connection;
  readonly blocked: string | null;
}

const FORMATS: Readonly<Record<PackageFormat, string>> = {
  'tar.gz': '.tar.gz',
  zip: '.zip',
  deb: '.deb (Debian, Ubuntu)',
  rpm: '.rpm (Red Hat, SUSE)',
};

function DownloadTab({ runner, chosen, connection, blocked }: DownloadTabProps) {
  const client = useQueryClient();
  const [format, setFormat] = useState<PackageFormat>(chosen.formats[0] ?? 'tar.gz');
  const download = useDownload(() => void client.invalidateQueries({ queryKey: runnerKeys.detail(runner.id) }));
  const { proxy, ca } = connection;
  const start = () => {
    localStorage.setItem(LAST_PLATFORM, chosen.platform);
    void download.start({
      runner: runner.id,
      platform: chosen.platform,
      format,
      ...(proxy === '' ? {} : { proxy }),
      ...(ca.trim() === '' ? {} : { ca }),
    });
  };
  const { state } = download;
  return (
    <Stack gap="md">
      {chosen.formats.length > 1 && (
        <div>
          <Text size="sm" fw={500} mb={4} id="package-format">
            Format
          </Text>
          <SegmentedControl
            aria-labelledby="package-format"
            value={format}
            onChange={(next) => {
              setFormat(PackageFormatSchema.parse(next));
              download.cancel();
            }}
            data={chosen.formats.map((one) => ({ value: one, label: FORMATS[one] }))}
          />
        </div>
      )}
      <PackageDownload chosen={chosen} state={state} blocked={blocked} onCancel={download.cancel} onStart={start} />
      <StartCommandsList
        commands={startCommands({
          platform: chosen.platform,
          format,
          folder: packageFolder(runner.name),
          fileName:
            state.phase === 'done' ? state.file.fileName : packageFileName(runner.name, chosen.platform, format),
        })}
      />
    </Stack>
  );
}

type Install = z.output<(typeof packageRoutes.describeInstall)['answer']>;

/** What needs the token; it is asked for only when it is shown. */
function WithInstall({
  runner,
  blocked,
  children,
}: {
  runner: Runner;
  blocked: string | null;
  children: (install: Install) => ReactNode;
}) {
  const query = useQuery({
    ...packageQueries.install(runner.id, runner.enrolment?.createdAt ?? null),
    enabled: blocked === null,
  });
  if (blocked !== null) return <Text size="sm">{blocked}</Text>;
  return <DataState query={query}>{children}</DataState>;
}
