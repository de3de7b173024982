import {
  type Archive,
  archiveOf,
  bytesSegment,
  compressedBody,
  EXECUTABLE_MODE,
  FOLDER_MODE,
  gzipMember,
  gzipped,
  type Segment,
  sizeOf,
} from './segments.ts';
import {
  AFTER_INSTALL,
  BEFORE_REMOVE,
  DESCRIPTION,
  linuxArchitecture,
  PURGE,
  SUMMARY,
  type SystemPackage,
} from './system-package.ts';
import { TAR_BLOCK, tarFile, tarHeader } from './tar-header.ts';

/**
 * Lays out a Debian package: an `ar` of a version, the control files and the data, which is a tar in several gzip members
 * with the executable as the build compressed it.
 * @throws OutrunnerError `package-missing` when the compressed executable is absent or not the one of the manifest.
 */
export async function openDeb(made: SystemPackage): Promise<Archive> {
  const body = await compressedBody(made.executable, made.compressedPath);
  const data = dataSegments(made, body);
  const control = gzipMember(controlTar(made));
  const member = (name: string, size: number) => bytesSegment(arHeader(name, size, made.modified));
  const pad = (size: number) => (size % 2 === 0 ? [] : [bytesSegment(Buffer.from('\n'))]);
  const version = bytesSegment(Buffer.from('2.0\n'));
  return archiveOf(
    'deb',
    [
      bytesSegment(Buffer.from('!<arch>\n')),
      ...[member('debian-binary', version.size), version],
      ...[member('control.tar.gz', control.size), control, ...pad(control.size)],
      ...[member('data.tar.gz', sizeOf(data)), ...data, ...pad(sizeOf(data))],
    ],
    made.executable.compressed.sha256,
  );
}

function dataSegments(made: SystemPackage, body: Segment): Segment[] {
  const { modified, executable } = made;
  const before = [
    ...['', ...made.folders.map((folder) => `${folder}/`)].map((folder) =>
      tarHeader({ path: `./${folder}`, mode: FOLDER_MODE, size: 0, modified }),
    ),
    tarHeader({ path: `./${made.executablePath}`, mode: EXECUTABLE_MODE, size: executable.size, modified }),
  ];
  const files = [
    ...made.files,
    { path: `usr/share/doc/${made.name}/changelog.gz`, mode: 0o644, content: gzipped(Buffer.from(changelog(made))) },
  ];
  const after = files.map((file) => tarFile(`./${file.path}`, file.mode, file.content, modified));
  return [gzipMember(Buffer.concat(before)), body, gzipMember(Buffer.concat([...after, Buffer.alloc(2 * TAR_BLOCK)]))];
}

function controlTar(made: SystemPackage): Buffer {
  const script = (text: string) => `#!/bin/sh\nset -e\n${text}`;
  const files = [
    ['control', 0o644, controlText(made)],
    ['postinst', 0o755, script(`[ "$1" = configure ] || exit 0\n${AFTER_INSTALL}`)],
    ['prerm', 0o755, script(`[ "$1" = remove ] || exit 0\n${BEFORE_REMOVE}`)],
    ['postrm', 0o755, script(`[ "$1" = purge ] || exit 0\n${PURGE}`)],
  ] as const;
  const { modified } = made;
  return Buffer.concat([
    tarHeader({ path: './', mode: FOLDER_MODE, size: 0, modified }),
    ...files.map(([name, mode, text]) => tarFile(`./${name}`, mode, text, modified)),
    Buffer.alloc(2 * TAR_BLOCK),
  ]);
}

function controlText(made: SystemPackage): string {
  const bytes = made.files.reduce((sum, file) => sum + file.content.length, made.executable.size);
  const lines = [
    `Package: ${made.name}`,
    `Version: ${made.version}`,
    `Architecture: ${linuxArchitecture(made.executable.target)?.deb}`,
    'Maintainer: Outrunner <outrunner@localhost.localdomain>',
    `Installed-Size: ${Math.ceil(bytes / 1024)}`,
    'Depends: libc6 (>= 2.28), libstdc++6, libgcc-s1 | libgcc1',
    'Section: admin',
    'Priority: optional',
    `Description: ${SUMMARY}`,
    ...DESCRIPTION.map((line) => ` ${line}`),
  ];
  return `${lines.join('\n')}\n`;
}

function changelog(made: SystemPackage): string {
  const when = made.builtAt.toUTCString().replace('GMT', '+0000');
  return `${made.name} (${made.version}) unstable; urgency=medium\n\n  * Release ${made.version}.\n\n -- Outrunner <outrunner@localhost.localdomain>  ${when}\n`;
}

function arHeader(name: string, size: number, modified: Date): Buffer {
  const seconds = String(Math.max(0, Math.floor(modified.getTime() / 1000)));
  const fields = [name.padEnd(16), seconds.padEnd(12), '0'.padEnd(6), '0'.padEnd(6), '100644'.padEnd(8)];
  return Buffer.from(`${fields.join('')}${String(size).padEnd(10)}\`\n`, 'latin1');
}
