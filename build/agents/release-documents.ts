import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RELEASE_DOCUMENTS, type ReleasedDocument, type ReleasedExecutable } from '../../protocol/release.ts';
import { PRODUCT_VERSION } from '../../protocol/version.ts';
import { AGENTS_OUT, ROOT } from '../paths.ts';
import type { NodeFacts } from './base-runtime.ts';
import type { BundledPackage } from './bundled-packages.ts';

/** What the texts of a release are made of. */
export interface ReleaseContents {
  readonly packages: readonly BundledPackage[];
  /** One for each version of Node that an executable holds. */
  readonly nodes: readonly NodeFacts[];
  readonly executables: readonly ReleasedExecutable[];
}

/**
 * Writes the list of parts (CycloneDX) and the licences beside the manifest; they are listed in it by their hashes. Equal
 * contents give equal bytes. Neither appears half written.
 */
export async function writeReleaseDocuments(
  contents: ReleaseContents,
  folder = AGENTS_OUT,
): Promise<ReleasedDocument[]> {
  const texts = [
    [RELEASE_DOCUMENTS.sbom, `${JSON.stringify(softwareBill(contents), null, 2)}\n`],
    [RELEASE_DOCUMENTS.licences, await licenceTexts(contents)],
  ] as const;
  const documents: ReleasedDocument[] = [];
  for (const [file, text] of texts) {
    const content = Buffer.from(text);
    await writeFile(join(folder, `${file}.unfinished`), content);
    await rename(join(folder, `${file}.unfinished`), join(folder, file));
    documents.push({ file, size: content.length, sha256: createHash('sha256').update(content).digest('hex') });
  }
  return documents;
}

interface Licence {
  readonly license: { readonly id: string } | { readonly name: string };
}

/** A component as CycloneDX 1.6 writes it; only the fields that we fill. */
interface Component {
  readonly type: 'application' | 'library' | 'platform' | 'file';
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version?: string;
  readonly purl?: string;
  readonly hashes?: readonly { readonly alg: 'SHA-512' | 'SHA-256'; readonly content: string }[];
  readonly licenses?: readonly (Licence | { readonly expression: string })[];
  readonly components?: readonly Component[];
}

/**
 * The parts of the executables as a CycloneDX document: the packages of which something is in the bundle, Node, and the
 * libraries inside Node. It has no time of its own; that of the release is in the manifest.
 */
export function softwareBill({ packages, nodes, executables }: ReleaseContents) {
  const agent = `outrunner-agent@${PRODUCT_VERSION}`;
  const libraries = packages.map(
    (each): Component => ({
      type: 'library',
      'bom-ref': purlOf(each),
      name: each.name,
      version: each.version,
      purl: purlOf(each),
      ...(each.sha512 === undefined ? {} : { hashes: [{ alg: 'SHA-512', content: each.sha512 }] }),
      licenses: [licenceOf(each.licence)],
    }),
  );
  const platforms = nodes.map(
    ({ version, parts }): Component => ({
      type: 'platform',
      'bom-ref': nodeReference(version),
      name: 'node',
      version,
      purl: `pkg:generic/node@${version}`,
      licenses: [licenceOf('MIT')],
      components: Object.entries(parts)
        .filter(([, partVersion]) => partVersion !== '')
        .map(([name, partVersion]) => ({
          type: 'library',
          'bom-ref': `${nodeReference(version)}#${name}`,
          name,
          version: partVersion,
        })),
    }),
  );
  const byName = new Map(packages.map((each) => [each.name, purlOf(each)]));
  const nodeReferences = nodes.map(({ version }) => nodeReference(version));
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': agent,
        name: 'outrunner-agent',
        version: PRODUCT_VERSION,
        licenses: [licenceOf('Apache-2.0')],
        components: executables.map((each) => ({
          type: 'file',
          'bom-ref': `${agent}#${each.target}`,
          name: each.file,
          hashes: [{ alg: 'SHA-256', content: each.sha256 }],
        })),
      } satisfies Component,
    },
    components: [...libraries, ...platforms],
    dependencies: [
      { ref: agent, dependsOn: [...libraries.map((each) => each['bom-ref']), ...nodeReferences] },
      ...packages.map((each) => ({
        ref: purlOf(each),
        dependsOn: each.uses.map((name) => byName.get(name)).filter((reference) => reference !== undefined),
      })),
      ...nodeReferences.map((ref) => ({ ref, dependsOn: [] })),
    ],
  };
  return { $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json', serialNumber: serialOf(document), ...document };
}

/** The texts that have to go along with the executables, one below the other. */
async function licenceTexts({ packages, nodes }: ReleaseContents): Promise<string> {
  const own = await readFile(join(ROOT, 'LICENSE'), 'utf8');
  const sections = [
    ['outrunner-agent', PRODUCT_VERSION, 'Apache-2.0', own],
    ...packages.map((each) => [each.name, each.version, each.licence, each.licenceText] as const),
    ...nodes.map((each) => ['Node.js', each.version, 'MIT, and those of its parts', each.licenceText] as const),
  ] as const;
  const contents = sections.map(([name, version, licence]) => `  ${name} ${version}: ${licence}`);
  const line = '='.repeat(100);
  return [
    `What is inside the Outrunner agent ${PRODUCT_VERSION}, and under which licences.`,
    contents.join('\n'),
    ...sections.map(([name, version, , text]) => `${line}\n${name} ${version}\n${line}\n\n${text.trim()}`),
    '',
  ]
    .join('\n\n')
    .replaceAll('\r\n', '\n');
}

function purlOf({ name, version }: Pick<BundledPackage, 'name' | 'version'>): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}

function nodeReference(version: string): string {
  return `pkg:generic/node@${version}`;
}

/** An expression of several licences is another field than one licence. */
function licenceOf(spdx: string): Licence | { expression: string } {
  return /[ ()]/.test(spdx) ? { expression: spdx } : { license: { id: spdx } };
}

/** A UUID that follows from the content (version 8 of RFC 9562), so that equal releases have equal documents. */
function serialOf(document: unknown): string {
  const hex = createHash('sha256').update(JSON.stringify(document)).digest('hex');
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
