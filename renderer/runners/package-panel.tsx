import { Alert, Stack } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Package } from '../../protocol/api/packages.ts';
import type { Runner } from '../../protocol/api/runners.ts';
import type { PlatformTarget } from '../../protocol/enrolment.ts';
import { packageFileName, packageFolder } from '../../protocol/package-name.ts';
import { packageQueries } from '../api/package-queries.ts';
import { runnerKeys } from '../api/runner-queries.ts';
import { DataState } from '../ui/data-state.tsx';
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
}

/** Choose the platform, download the package, and read what to do with it. */
export function PackagePanel({ runner, blocked = null }: Props) {
  const release = useQuery(packageQueries.list());
  return (
    <DataState query={release}>
      {({ packages }) => <Choice packages={packages} runner={runner} blocked={blocked} />}
    </DataState>
  );
}

function Choice({ packages, runner, blocked }: Required<Props> & { packages: Package[] }) {
  const client = useQueryClient();
  const [platform, setPlatform] = useState<PlatformTarget | null>(() =>
    likelyPlatform({
      runner: runner.platform,
      last: localStorage.getItem(LAST_PLATFORM),
      userAgent: navigator.userAgent,
      available: packages.filter(({ available }) => available).map((one) => one.platform),
    }),
  );
  const download = useDownload(() => void client.invalidateQueries({ queryKey: runnerKeys.detail(runner.id) }));
  const chosen = packages.find((one) => one.platform === platform);
  const format = chosen?.formats[0] ?? 'tar.gz';

  return (
    <Stack gap="md">
      {packages.every(({ available }) => !available) && (
        <Alert color="orange" variant="light" title="No executable is built on this coordinator">
          {packages[0]?.reason}
        </Alert>
      )}
      <PlatformChoice
        packages={packages}
        value={platform}
        onChange={(next) => {
          setPlatform(next);
          download.cancel();
        }}
      />
      {chosen && (
        <PackageDownload
          chosen={chosen}
          state={download.state}
          blocked={blocked}
          onCancel={download.cancel}
          onStart={() => {
            localStorage.setItem(LAST_PLATFORM, chosen.platform);
            void download.start({ runner: runner.id, platform: chosen.platform, format });
          }}
        />
      )}
      {chosen?.available && (
        <StartCommandsList
          commands={startCommands({
            platform: chosen.platform,
            format,
            folder: packageFolder(runner.name),
            fileName:
              download.state.phase === 'done'
                ? download.state.file.fileName
                : packageFileName(runner.name, chosen.platform, format),
          })}
        />
      )}
    </Stack>
  );
}
