import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { type RunnerConfig, RunnerConfigSchema } from '../../../protocol/enrolment.ts';
import { composeFile, dockerfile, kubernetesManifest } from './container-texts.ts';

const configFor = (name: string, more: Partial<RunnerConfig> = {}): RunnerConfig => ({
  version: 1,
  coordinator: { url: 'https://coordinator.example', publicKey: 'A'.repeat(43) },
  runner: { id: '7f1f3f7e-3f0e-4f9e-8d7c-0d8f4f6b2a10', name },
  enrolment: { token: `ore_${'t'.repeat(43)}`, expiresAt: '2026-11-23T00:00:00.000Z' },
  ...more,
});
const facts = (config: RunnerConfig) => ({ config, replicas: 'single' as const, version: '1.2.3-rc.1+abc' });

it('is Kubernetes in YAML whose secret is the configuration again, whatever the Runner is called', () => {
  const proxies = fc.constantFrom(undefined, "http://u:p%20'$&@proxy:3128", 'socks5://a:1');
  const cas = fc.constantFrom(undefined, '-----BEGIN CERTIFICATE-----\nMIIB+/==\n-----END CERTIFICATE-----\n');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), proxies, cas, (name, proxy, ca) => {
      const config = configFor(name, { ...(proxy && { proxy }), ...(ca && { ca }) });
      const documents = parseAllDocuments(kubernetesManifest(facts(config)));
      expect(documents.flatMap((document) => [...document.errors, ...document.warnings])).toEqual([]);
      const [secret, claim, deployment] = documents.map((document) => document.toJS());
      expect([secret.kind, claim.kind, deployment.kind]).toEqual(['Secret', 'PersistentVolumeClaim', 'Deployment']);
      expect(RunnerConfigSchema.parse(JSON.parse(secret.stringData['runner.json']))).toEqual(config);
      const pod = deployment.spec.template;
      expect(pod.metadata.labels).toEqual(deployment.spec.selector.matchLabels);
      expect(pod.spec.volumes[0].secret.secretName).toBe(secret.metadata.name);
      expect(pod.spec.volumes[1].persistentVolumeClaim.claimName).toBe(claim.metadata.name);
      expect(secret.metadata.name).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
    }),
  );
});

it('mounts a secret that the account of the image can read, with a mode that Kubernetes takes', () => {
  const text = kubernetesManifest(facts(configFor('lab')));
  // Kubernetes reads YAML 1.1, where a number that begins with 0 is octal.
  const [, , deployment] = parseAllDocuments(text, { version: '1.1' }).map((document) => document.toJS());
  const { spec } = deployment.spec.template;
  expect(spec.volumes[0].secret.defaultMode).toBe(0o440);
  expect([spec.securityContext.runAsUser, spec.securityContext.fsGroup]).toEqual([10_001, 10_001]);
  expect(spec.containers[0].image).toBe('registry.example/outrunner-agent:1.2.3-rc.1-abc');
  expect(deployment.spec.strategy.type).toBe('Recreate');
});

it('is a file of Compose that fits the image, and neither holds the token', () => {
  const compose = composeFile(facts(configFor('Büro “1”')));
  const { services, volumes } = parse(compose);
  const service = services['outrunner-buro-1'];
  expect(Object.keys(services)).toHaveLength(1);
  expect(volumes).toHaveProperty('state');
  const image = dockerfile();
  const mounts = service.volumes.map((mount: string) => mount.split(':')[1]);
  expect(mounts).toEqual(['/etc/outrunner/runner.json', '/var/lib/outrunner']);
  for (const mount of mounts) expect(image).toContain(mount);
  expect(compose + image).not.toContain('ore_');
});
