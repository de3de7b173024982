import { AGENT_EXIT, type PlatformTarget } from '../../protocol/enrolment.ts';
import { DEFAULT_SERVICE_NAME } from '../../protocol/package-options.ts';
import type { ReleasedExecutable } from '../../protocol/release.ts';
import type { SmallFile } from './archive.ts';

/** What a .deb and a .rpm have in common: the same files at the same places, and scripts that do the same. */
export interface SystemPackage {
  readonly name: string;
  /** As dpkg and rpm compare versions: what comes before a release sorts before it. */
  readonly version: string;
  readonly executable: ReleasedExecutable;
  readonly compressedPath: string;
  /** Where the executable lands, without the leading slash. */
  readonly executablePath: string;
  /** Folders that the package makes, each after the one above it, without the leading slash. */
  readonly folders: readonly string[];
  readonly files: readonly SystemFile[];
  readonly modified: Date;
  readonly builtAt: Date;
}

export interface SystemFile {
  /** Without the leading slash. */
  readonly path: string;
  readonly mode: number;
  readonly content: Buffer;
}

const FOLDER = `usr/lib/${DEFAULT_SERVICE_NAME}`;
const DOCUMENTS = `usr/share/doc/${DEFAULT_SERVICE_NAME}`;
/** Begins what a person reads about it. */
export const SUMMARY = 'runs the jobs of an Outrunner coordinator on this host';
export const DESCRIPTION = [
  'The agent of one Runner: it connects outward to its coordinator, listens on',
  'no port, and runs the jobs that the coordinator signs. This package holds the',
  'configuration of that Runner with a token that can be used once.',
] as const;

export interface SystemPackageInput {
  readonly productVersion: string;
  readonly builtAt: Date;
  readonly executable: ReleasedExecutable;
  readonly executableName: string;
  readonly compressedPath: string;
  /** As in the other archives. */
  readonly files: readonly SmallFile[];
  readonly modified: Date;
}

export function systemPackage(input: SystemPackageInput): SystemPackage {
  const isDocument = (name: string) => name.endsWith('.txt') || name.endsWith('.cdx.json');
  const files = [
    ...input.files.map((file) => ({
      path: `${isDocument(file.name) ? DOCUMENTS : FOLDER}/${file.name}`,
      mode: file.mode,
      content: Buffer.from(file.content),
    })),
    { path: `${DOCUMENTS}/copyright`, mode: 0o644, content: Buffer.from(COPYRIGHT) },
  ];
  return {
    name: DEFAULT_SERVICE_NAME,
    version: input.productVersion.replaceAll('-', '~').replaceAll(/[^A-Za-z0-9.+~]/g, '.'),
    executable: input.executable,
    compressedPath: input.compressedPath,
    executablePath: `${FOLDER}/${input.executableName}`,
    folders: ['usr', 'usr/lib', FOLDER, 'usr/share', 'usr/share/doc', DOCUMENTS],
    files,
    modified: input.modified,
    builtAt: input.builtAt,
  };
}

/** Installs or brings up to date; where no systemd runs, as while an image is made, the service waits for the first start. */
export const AFTER_INSTALL = `code=0
if [ -d /run/systemd/system ]; then
  /${FOLDER}/install.sh || code=$?
else
  /${FOLDER}/install.sh --no-start || code=$?
  [ "$code" -ne 0 ] || echo "${DEFAULT_SERVICE_NAME}: not started, because systemd does not run here; it starts with the host."
fi
# Installed, and not started or not connected yet: the line above says so, and it is no reason to call the package broken.
case $code in ${AGENT_EXIT.serviceNotStarted} | ${AGENT_EXIT.serviceNotConnected}) code=0 ;; esac
[ "$code" -eq 0 ] || exit "$code"
`;

/**
 * Takes the service away; configuration and identity stay. An executable that was altered or cannot run must not keep its
 * package from being removed: then the unit is taken away without it.
 */
export const BEFORE_REMOVE = `code=0
/${FOLDER}/install.sh --uninstall || code=$?
case $code in
  0 | ${AGENT_EXIT.serviceAbsent}) ;;
  3 | 4 | 126 | 127)
    echo "${DEFAULT_SERVICE_NAME}: the agent cannot be asked to leave; its unit is removed without it." >&2
    if [ -d /run/systemd/system ]; then systemctl disable --now ${DEFAULT_SERVICE_NAME}.service || true; fi
    rm -f /etc/systemd/system/${DEFAULT_SERVICE_NAME}.service
    rm -f /etc/systemd/system/multi-user.target.wants/${DEFAULT_SERVICE_NAME}.service
    ;;
  *) exit "$code" ;;
esac
`;

/** Configuration, identity, and the account that the service ran as. */
export const PURGE = `rm -rf /etc/${DEFAULT_SERVICE_NAME} /var/lib/${DEFAULT_SERVICE_NAME} /opt/${DEFAULT_SERVICE_NAME}
rm -f /etc/systemd/system/${DEFAULT_SERVICE_NAME}.service
if getent passwd ${DEFAULT_SERVICE_NAME} >/dev/null; then userdel ${DEFAULT_SERVICE_NAME} || true; fi
if getent group ${DEFAULT_SERVICE_NAME} >/dev/null; then groupdel ${DEFAULT_SERVICE_NAME} || true; fi
`;

/** How dpkg and rpm call the processor of a target; null: no such package exists for it. */
export function linuxArchitecture(target: PlatformTarget): { deb: string; rpm: string; rpmNumber: number } | null {
  if (target === 'linux-x64') return { deb: 'amd64', rpm: 'x86_64', rpmNumber: 1 };
  return target === 'linux-arm64' ? { deb: 'arm64', rpm: 'aarch64', rpmNumber: 19 } : null;
}

const COPYRIGHT = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Outrunner

Files: *
Copyright: 2026 the Outrunner authors
License: Apache-2.0

License: Apache-2.0
 On Debian systems the text of this licence stands in
 /usr/share/common-licenses/Apache-2.0.
Comment: The executable holds a Node.js runtime and packages under their own
 licences; LICENSES.txt beside this file lists them where the release has it.
`;
