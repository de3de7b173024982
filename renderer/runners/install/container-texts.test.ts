import { expect, it } from 'vitest';
import { parse } from 'yaml';
import type { RunnerConfig } from '../../../protocol/enrolment.ts';
import { composeFile, dockerfile } from './container-texts.ts';

const configFor = (name: string, more: Partial<RunnerConfig> = {}): RunnerConfig => ({
  version: 1,
  coordinator: { url: 'https://coordinator.example', publicKey: 'A'.repeat(43) },
  runner: { id: '7f1f3f7e-3f0e-4f9e-8d7c-0d8f4f6b2a10', name },
  enrolment: { token: `ore_${'t'.repeat(43)}`, expiresAt: '2026-11-23T00:00:00.000Z' },
  ...more,
});
const facts = (config: RunnerConfig) => ({ config, replicas: 'single' as const, version: '1.2.3-rc.1+abc' });

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
