import { join } from 'node:path';
import { build as viteBuild } from 'vite';
import { RELEASE_DOCUMENTS } from '../protocol/release.ts';
import { hostTarget } from './agents/base-runtime.ts';
import { buildAgents, type Report } from './agents/build-agents.ts';
import { releaseKeyMark } from './agents/release-key.ts';
import { BUNDLES, bundle } from './bundle.ts';

/** The things that are built, and what each is built from. */
export const PARTS = ['renderer', 'coordinator', 'electron', 'agents'] as const;
export type Part = (typeof PARTS)[number];

export interface PartRecipe {
  /** Files and folders below the root; when their contents change, the part is stale. */
  readonly inputs: readonly string[];
  /** Files below `dist/` that have to be there; one that is missing makes the part stale. */
  readonly outputs: readonly string[];
  /** What else goes into the part, from settings; a part with another answer than last time is stale. */
  settings?(): Promise<string>;
  build(report: Report): Promise<void>;
}

const ALWAYS = ['protocol', 'package-lock.json', 'tsconfig.json', 'build/parts.ts', 'build/paths.ts'];
const BUNDLING = ['build/bundle.ts'];

export const RECIPES: Record<Part, PartRecipe> = {
  renderer: {
    inputs: [...ALWAYS, 'renderer', 'build/vite.config.ts'],
    outputs: ['renderer/index.html'],
    async build() {
      await viteBuild({ configFile: join(import.meta.dirname, 'vite.config.ts'), logLevel: 'warn' });
    },
  },
  coordinator: {
    inputs: [...ALWAYS, ...BUNDLING, 'coordinator'],
    outputs: [BUNDLES.coordinator.output, BUNDLES.sshInstall.output],
    async build() {
      await bundle(BUNDLES.coordinator);
      await bundle(BUNDLES.sshInstall);
    },
  },
  electron: {
    inputs: [...ALWAYS, ...BUNDLING, 'electron'],
    outputs: [BUNDLES.electronMain.output, BUNDLES.electronPreload.output],
    async build() {
      await bundle(BUNDLES.electronMain);
      await bundle(BUNDLES.electronPreload);
    },
  },
  agents: {
    inputs: [...ALWAYS, ...BUNDLING, 'agent', 'build/agents'],
    outputs: ['agents/manifest.json', `agents/${RELEASE_DOCUMENTS.sbom}`, `agents/${RELEASE_DOCUMENTS.licences}`],
    settings: async () => `${await releaseKeyMark()} ${process.env.OUTRUNNER_RELEASE_TRUST ?? ''}`,
    build: (report) => buildAgents([hostTarget()], report),
  },
};
