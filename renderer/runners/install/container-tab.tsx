import { Stack, Text } from '@mantine/core';
import type { Runner } from '../../../protocol/api/runners.ts';
import type { RunnerConfig } from '../../../protocol/enrolment.ts';
import { CopyBlock } from '../../ui/copy-button.tsx';
import type { Connection } from './connection-fields.tsx';
import { composeFile, dockerfile, kubernetesManifest } from './container-texts.ts';

interface Props {
  readonly runner: Runner;
  readonly version: string;
  readonly config: RunnerConfig;
  readonly connection: Connection;
}

/** The configuration with what was typed here, in the order that packages have it. */
function withConnection({ version, proxy, ca, ...rest }: RunnerConfig, connection: Connection): RunnerConfig {
  const way = connection.proxy === '' ? proxy : connection.proxy;
  const trusted = connection.ca.trim() === '' ? ca : connection.ca;
  return { version, ...(way && { proxy: way }), ...(trusted && { ca: trusted }), ...rest };
}

/** Dockerfile and Compose: unpacked package, two files beside it. */
export function ContainerTab({ runner, version, config, connection }: Props) {
  const facts = { config: withConnection(config, connection), replicas: runner.replicaMode, version };
  return (
    <Stack gap="sm">
      <Text size="sm">
        Download the package for Linux as .tar.gz, unpack it, and put these two files beside outrunner-agent. Steps run
        inside the container: add to the image what they need.
      </Text>
      <div>
        <Text size="sm" fw={600} mb={4}>
          Dockerfile
        </Text>
        <CopyBlock value={dockerfile()} what="the Dockerfile" />
      </div>
      <div>
        <Text size="sm" fw={600} mb={4}>
          compose.yaml
        </Text>
        <CopyBlock value={composeFile(facts)} what="compose.yaml" />
      </div>
    </Stack>
  );
}

/** Secret, volume and Deployment. */
export function KubernetesTab({ runner, version, config, connection }: Props) {
  const facts = { config: withConnection(config, connection), replicas: runner.replicaMode, version };
  return (
    <Stack gap="sm">
      <Text size="sm">
        Build the image of the tab <b>Container</b> and push it where the cluster finds it; then apply this. The Secret
        holds the single-use token: treat it like a password.
      </Text>
      <CopyBlock value={kubernetesManifest(facts)} what="the manifest" />
    </Stack>
  );
}
