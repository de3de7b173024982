import fc from 'fast-check';
import { Deployment } from 'kubernetes-models/apps/v1';
import { PersistentVolumeClaim, Secret } from 'kubernetes-models/v1';
import { expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type RunnerConfig, RunnerConfigSchema, STOP_SECONDS } from '../../../protocol/enrolment.ts';
import { type ContainerFacts, dockerfile, kubernetesManifest } from './container-texts.ts';

/** The objects of Kubernetes' own API that the manifest is made of, in their order, with the validators of their schemas. */
const KINDS = [Secret, PersistentVolumeClaim, Deployment] as const;

/** RFC 1123: what Kubernetes takes as the name of an object, of a label's value and of a container. */
const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * The fields that the schema does not know. Its validator reads each field that it knows, and no other one: so those that were
 * never read are unknown. A typing error in the name of an optional field is found by this alone.
 */
function unread(object: unknown, validate: (watched: unknown) => void): string[] {
  const fields = new Set<string>();
  const watch = (value: unknown, at: string): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    for (const key of Object.keys(value)) fields.add(`${at}/${key}`);
    const inner = new Map(Object.entries(value).map(([key, one]) => [key, watch(one, `${at}/${key}`)]));
    return new Proxy(value, {
      get(target, key) {
        if (typeof key !== 'string' || !inner.has(key)) return Reflect.get(target, key);
        fields.delete(`${at}/${key}`);
        return inner.get(key);
      },
    });
  };
  validate(watch(object, ''));
  return [...fields];
}

/** The objects of a manifest as JSON. Throws when it is no YAML, or when Kubernetes' schemas do not allow an object. */
// biome-ignore lint/suspicious/noExplicitAny: the schemas say what is in there.
function readManifest(text: string): any[] {
  // Kubernetes reads YAML 1.1; other tools that people put before it read 1.2. They have to find the same.
  const [objects, same] = (['1.1', '1.2'] as const).map((version) =>
    parseAllDocuments(text, { version, strict: true }).map((document) => {
      const wrong = [...document.errors, ...document.warnings];
      if (wrong.length > 0) throw new Error(wrong.join('\n'));
      return document.toJS();
    }),
  );
  expect(same).toEqual(objects);
  if (objects?.length !== KINDS.length) throw new Error(`There are ${objects?.length} objects.`);
  for (const [index, Kind] of KINDS.entries()) {
    const unknown = unread(objects[index], (watched) => Kind.prototype.validate.call(watched));
    if (unknown.length > 0) throw new Error(`Unknown fields of ${Kind.kind}: ${unknown.join(', ')}`);
  }
  return objects;
}

const TOKEN = `ore_${'t'.repeat(43)}`;
const configFor = (name: string, more: Partial<RunnerConfig> = {}): RunnerConfig => ({
  version: 1,
  coordinator: { url: 'https://coordinator.example', publicKey: 'A'.repeat(43) },
  runner: { id: '7f1f3f7e-3f0e-4f9e-8d7c-0d8f4f6b2a10', name },
  enrolment: { token: TOKEN, expiresAt: '2026-11-23T00:00:00.000Z' },
  ...more,
});
const factsFor = (name: string, more: Partial<ContainerFacts> = {}): ContainerFacts => ({
  config: configFor(name),
  replicas: 'single',
  version: '1.2.3-rc.1+abc',
  ...more,
});

const names = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 100 }),
  fc.constantFrom(
    'db-west-1',
    'no',
    '0x1F',
    '1e3',
    '- #',
    '東京',
    'Büro “1”',
    '😀',
    "a: 'b' \\ {c}",
    'x'.repeat(100),
    '-',
  ),
);
const anyFacts: fc.Arbitrary<ContainerFacts> = fc
  .record({
    name: names,
    proxy: fc.constantFrom(undefined, "http://u:p%20'$&@proxy:3128", 'socks5://a:1'),
    ca: fc.constantFrom(undefined, '-----BEGIN CERTIFICATE-----\nMIIB+/==\n-----END CERTIFICATE-----\n'),
    replicas: fc.constantFrom<ContainerFacts['replicas']>('single', 'several', 'ephemeral'),
    version: fc.constantFrom('1.2.3', '1.2.3-rc.1+abc', '0.0.0-dev'),
  })
  .map(({ name, proxy, ca, replicas, version }) => ({
    config: configFor(name, { ...(proxy && { proxy }), ...(ca && { ca }) }),
    replicas,
    version,
  }));

it('is what the schemas of Kubernetes allow, and its parts find each other, whatever the Runner is called', () => {
  fc.assert(
    fc.property(anyFacts, (facts) => {
      const [secret, claim, deployment] = readManifest(kubernetesManifest(facts));
      const { metadata, spec } = deployment;
      const pod = spec.template;
      expect(RunnerConfigSchema.parse(JSON.parse(secret.stringData['runner.json']))).toEqual(facts.config);
      expect(pod.metadata.labels).toEqual(spec.selector.matchLabels);
      expect(metadata.labels).toEqual(spec.selector.matchLabels);
      const [config, state] = pod.spec.volumes;
      expect(config.secret.secretName).toBe(secret.metadata.name);
      expect(state.persistentVolumeClaim.claimName).toBe(claim.metadata.name);
      const labels = [secret, claim, deployment].map((object) => object.metadata.name);
      labels.push(...Object.values<string>(spec.selector.matchLabels));
      labels.push(...pod.spec.volumes.map((volume: { name: string }) => volume.name), pod.spec.containers[0].name);
      for (const label of labels) expect(label).toMatch(LABEL);
      // Nothing of the configuration, which holds the token and may hold the password of a proxy, is outside of the Secret.
      const open = JSON.stringify([claim, deployment]);
      for (const word of [TOKEN, 'coordinator.example', 'proxy:3128', 'socks5', 'CERTIFICATE'])
        expect(open).not.toContain(word);
    }),
  );
});

it('has no two Runners of one name in a cluster, where names differ only in what a name there cannot hold', () => {
  const nameOf = (name: string, id: string) => {
    const { runner, ...rest } = configFor(name);
    const [secret] = readManifest(
      kubernetesManifest(factsFor(name, { config: { ...rest, runner: { ...runner, id } } })),
    );
    return secret.metadata.name;
  };
  const ids = ['7f1f3f7e-3f0e-4f9e-8d7c-0d8f4f6b2a10', '0d9a4c11-3f0e-4f9e-8d7c-0d8f4f6b2a10'] as const;
  expect(nameOf('db-west-1', ids[0])).toBe('outrunner-db-west-1');
  expect(nameOf('DB west 1', ids[1])).toBe('outrunner-db-west-1-0d9a4c11');
  expect(nameOf('東京', ids[0])).not.toBe(nameOf('大阪', ids[1]));
  const long = 'x'.repeat(60);
  expect(nameOf(`${long}a`, ids[0])).not.toBe(nameOf(`${long}b`, ids[1]));
});

it('never has two processes with one identity, and ends each later than it ends itself', () => {
  const { spec } = readManifest(kubernetesManifest(factsFor('lab')))[2];
  expect([spec.replicas, spec.strategy]).toEqual([1, { type: 'Recreate' }]);
  expect(spec.template.spec.terminationGracePeriodSeconds).toBe(STOP_SECONDS);
  expect(spec.template.spec.containers).toHaveLength(1);
  expect(kubernetesManifest(factsFor('lab', { replicas: 'several' }))).toMatch(/^# Each replica needs a token/);
});

it('runs without root in a container that it cannot change, and can write where the image says that it does', () => {
  const { spec } = readManifest(kubernetesManifest(factsFor('lab')))[2].spec.template;
  const [container] = spec.containers;
  const image = dockerfile();
  const account = Number(/^USER (\d+)$/m.exec(image)?.[1]);
  expect(spec.securityContext).toEqual({
    runAsNonRoot: true,
    runAsUser: account,
    runAsGroup: account,
    fsGroup: account,
    // By default the kubelet gives files of the volume mode 0660 at each start: also the one with the private key.
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  });
  expect(container.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  expect(spec.automountServiceAccountToken).toBe(false);
  const mounts = container.volumeMounts.map(({ name, mountPath, readOnly = false }: Record<string, unknown>) => {
    const { name: _, ...source } = spec.volumes.find((volume: { name: string }) => volume.name === name);
    return [mountPath, readOnly ? 'read' : 'write', Object.keys(source)[0]];
  });
  expect(mounts).toEqual([
    ['/etc/outrunner', 'read', 'secret'],
    [/^VOLUME (\S+)$/m.exec(image)?.[1], 'write', 'persistentVolumeClaim'],
    ['/tmp', 'write', 'emptyDir'],
    ['/var/tmp', 'write', 'emptyDir'],
  ]);
  expect(image).toContain('"--config", "/etc/outrunner/runner.json"');
  expect(spec.volumes[0].secret.defaultMode).toBe(0o440);
  expect(container.image).toBe('registry.example/outrunner-agent:1.2.3-rc.1-abc');
});

it.each([
  [
    'a field that is not known',
    'terminationGracePeriodSeconds',
    'terminationGracePeriod',
    /Unknown.*terminationGracePeriod$/,
  ],
  ['one deep inside', 'secretName', 'secret', /Unknown.*volumes\/0\/secret\/secret$/],
  ['one in the place of another', '  strategy:', '  recreate:', /Unknown.*\/spec\/recreate/],
  ['a text where a number has to be', 'replicas: 1', 'replicas: "1"', /replicas/],
  ['an object of another kind', 'kind: Secret', 'kind: secret', /kind/],
  ['a Deployment without a selector', /selector:\n.*\n/, '', /selector/],
  ['no list where there has to be one', 'drop: ["ALL"]', 'drop: "ALL"', /drop/],
  ['bad YAML', 'type: Opaque', 'type: "Opaque', /./],
  ['one key twice', 'type: Opaque', 'kind: Secret', /unique/],
])('a manifest with %s is found to be wrong by these tests', (_, from, to, problem) => {
  const text = kubernetesManifest(factsFor('lab'));
  const broken = text.replace(from, to);
  expect(broken).not.toBe(text);
  expect(() => readManifest(broken)).toThrow(problem);
});
