import { chown, mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { API_BASE } from '../protocol/api/routes.ts';
import { isTerminal } from '../protocol/execution-state.ts';
import { isDebian, writeDebianRoot } from './support/debian-root.ts';
import { unpack } from './support/package.ts';
import { type Podman, startPodman, whyNoPodman } from './support/podman.ts';
import { expect, test } from './support/test.ts';
import { wizardTo } from './support/wizard-to.ts';

/** What the console says of a container, done as it says, with one difference: the network is that of the host. */

/** What is looked for in the file of Compose: all that it may have, so that nothing of it is left out here. */
const ComposeSchema = z.strictObject({
  services: z.record(
    z.string(),
    z.strictObject({
      build: z.literal('.'),
      restart: z.string(),
      volumes: z.array(z.string()),
      cap_drop: z.array(z.string()),
      security_opt: z.array(z.string()),
      stop_grace_period: z.string().regex(/^\d+s$/),
    }),
  ),
  volumes: z.strictObject({ state: z.strictObject({}) }),
});

/** What is looked for in the manifest for Kubernetes; that it is a valid one is tested beside its text. */
const PodSchema = z.object({
  securityContext: z.object({ runAsUser: z.number(), runAsGroup: z.number() }),
  containers: z.tuple([
    z.object({
      securityContext: z.object({
        allowPrivilegeEscalation: z.literal(false),
        readOnlyRootFilesystem: z.literal(true),
        capabilities: z.object({ drop: z.array(z.string()) }),
      }),
      volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })),
    }),
  ]),
});

/** The pod of the manifest as the options of `podman run`; `volumes`: what its volumes that are not empty are here. */
function podOptions(manifest: string, volumes: Readonly<Record<string, string>>): string[] {
  const deployment = parseAllDocuments(manifest).at(-1)?.toJS();
  const { securityContext: ids, containers } = PodSchema.parse(deployment.spec.template.spec);
  const [{ securityContext, volumeMounts }] = containers;
  return [
    ...['--user', `${ids.runAsUser}:${ids.runAsGroup}`],
    ...['--read-only', '--read-only-tmpfs=false', '--security-opt', 'no-new-privileges:true'],
    ...securityContext.capabilities.drop.flatMap((capability) => ['--cap-drop', capability]),
    ...volumeMounts.flatMap(({ name, mountPath }) =>
      volumes[name] === undefined
        ? ['--mount', `type=tmpfs,destination=${mountPath},tmpfs-mode=1777`]
        : ['--volume', `${volumes[name]}:${mountPath}`],
    ),
    ...['--network', 'host'],
  ];
}

/** The file of Compose as the options of `podman run`, as podman-compose makes them. */
function runOptions(compose: string): string[] {
  const [service, ...others] = Object.values(ComposeSchema.parse(parse(compose)).services);
  if (service === undefined || others.length > 0) throw new Error('There must be one service.');
  return [
    ...['--restart', service.restart],
    ...service.volumes.flatMap((volume) => ['--volume', volume]),
    ...service.cap_drop.flatMap((capability) => ['--cap-drop', capability]),
    ...service.security_opt.flatMap((option) => ['--security-opt', option]),
    ...['--stop-timeout', service.stop_grace_period.slice(0, -1)],
    ...['--network', 'host'],
  ];
}

test.describe('in a container', () => {
  test.skip(process.arch !== 'x64' || whyNoPodman() !== null || !isDebian(), whyNoPodman() ?? 'needs Debian on x64');
  let podman: Podman;
  test.beforeEach(async ({ work }) => {
    podman = await startPodman(work);
  });
  test.afterEach(() => podman.close());

  test('what the console shows for Docker, Compose and Kubernetes makes a Runner that keeps its identity', async ({
    page,
    coordinator,
    work,
  }) => {
    test.setTimeout(240_000);
    const { api } = coordinator;
    await wizardTo(page, coordinator, 'In a box');
    await page.getByRole('tab', { name: 'Container' }).click();
    const dockerfile = await page.getByText(/^# Beside this file/).innerText();
    const compose = await page.getByText(/^# Once: sudo chown/).innerText();
    await page.getByRole('tab', { name: 'Kubernetes' }).click();
    const manifest = await page.getByText('kind: Deployment').innerText();
    const [runner] = (await api.call('listRunners', {})).items;
    const id = runner?.id ?? '';
    await api.call('updateRunner', { params: { id }, body: { projects: [{ project: 'Welcome' }] } });

    // The package, unpacked, and the two files beside the executable.
    const archive = path.join(work, 'package.tar.gz');
    const answer = await api.fetch(`${API_BASE}/runners/${id}/package?platform=linux-x64&format=tar.gz`);
    await writeFile(archive, Buffer.from(await answer.arrayBuffer()));
    const folder = await unpack(archive, path.join(work, 'unpacked'));
    await writeFile(path.join(folder, 'Dockerfile'), dockerfile);
    await writeFile(path.join(folder, 'compose.yaml'), compose);
    const account = Number(/^# Once: sudo chown (\d+) runner\.json$/m.exec(compose)?.[1]);
    await chown(path.join(folder, 'runner.json'), account, -1);

    // What the Dockerfile begins with comes from a registry else; here it is made of the packages of this host.
    const base = `docker.io/library/${/^FROM (\S+)$/m.exec(dockerfile)?.[1]}`;
    const root = path.join(work, 'root');
    await mkdir(root);
    await writeDebianRoot(root);
    await podman.importRoot(root, base);
    const tried = await podman.run(['run', '--rm', '--network', 'host', base, 'true']).catch(String);
    test.skip(tried !== '', `no container can be run here: ${tried}`);
    const built = await podman.run(['build', '--network', 'host', '--tag', 'agent', '.'], folder).catch(String);
    test.skip(/Failed to fetch|Could not resolve/.test(built), `no package can be fetched here: ${built.slice(-500)}`);
    expect(built).not.toMatch(/^Error/);

    const options = runOptions(compose);
    await podman.run(['run', '--detach', '--name', 'first', ...options, 'agent'], folder);
    await expect(page.getByText(/and takes work/)).toBeVisible({ timeout: 30_000 });
    const seen = async () => {
      const { status, replicas } = await api.call('getRunner', { params: { id } });
      return { status, replicas: replicas.map((replica) => replica.id) };
    };
    const before = await seen();
    expect(before).toEqual({ status: 'Healthy', replicas: [expect.any(String)] });
    const { replicas } = await api.call('getRunner', { params: { id } });
    expect(replicas[0]?.upgradable).toEqual({ can: false, why: expect.stringContaining('OUTRUNNER_UPGRADES=off') });

    /** What a job prints in there. */
    const printed = async (command: string) => {
      const job = await api.call('runAdHoc', { params: { project: 'Welcome' }, body: { command } });
      const state = async () => (await api.call('getExecution', { params: { id: job.id } })).state;
      await expect.poll(async () => isTerminal(await state()), { intervals: [50] }).toBe(true);
      return (await (await api.fetch(`${API_BASE}/executions/${job.id}/output?format=text`)).text()).trim();
    };
    expect(
      await printed('id -u; grep NoNewPrivs /proc/self/status; grep CapBnd /proc/self/status; ls /proc/1/exe'),
    ).toMatch(new RegExp(`^${account}\nNoNewPrivs:\t1\nCapBnd:\t0+\n`));

    // Stopped, it says good-bye and ends well; started again, it is the same replica.
    await podman.run(['stop', 'first']);
    await expect.poll(async () => (await seen()).status).toBe('Down');
    expect(await podman.run(['inspect', '--format', '{{.State.ExitCode}}', 'first'])).toBe('0');
    await podman.run(['start', 'first']);
    await expect.poll(seen).toEqual(before);

    // A new image is a new container on the same volume.
    await podman.run(['rm', '--force', 'first']);
    await podman.run(['run', '--detach', '--name', 'second', ...options, 'agent'], folder);
    // The first is gone: only the second can have done this.
    expect(await printed('echo by the second')).toBe('by the second');
    expect(await seen()).toEqual(before);
    await podman.run(['stop', 'second']);

    // As a pod it cannot change its image, and goes on with the same state.
    await mkdir(path.join(folder, 'config'));
    await rename(path.join(folder, 'runner.json'), path.join(folder, 'config', 'runner.json'));
    const volumes = { config: './config', state: 'state' };
    await podman.run(['run', '--detach', '--name', 'third', ...podOptions(manifest, volumes), 'agent'], folder);
    const written = 'for d in /tmp /var/tmp ~; do touch $d/x && echo $d; done';
    const rootMount = `awk '$2 == "/" { print substr($4, 1, 3) }' /proc/mounts`;
    expect(await printed(`${written}; ${rootMount}`)).toBe('/tmp\n/var/tmp\n/var/lib/outrunner\nro,');
    expect(await seen()).toEqual(before);
    await podman.run(['stop', 'third']);
  });
});
