import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { capture } from './namespaces.ts';

/** A small Debian made of the packages of this one: for images, where no registry is within reach. */

const DPKG = '/var/lib/dpkg';
const MERGED = ['bin', 'sbin', 'lib', 'lib64'];

interface Installed {
  /** What dpkg knows of it, as it stands in its list. */
  readonly stanza: string;
  readonly essential: boolean;
  /** Of each dependency the names of its alternatives. */
  readonly depends: readonly (readonly string[])[];
  readonly provides: readonly string[];
}

/** Whether a root can be made of this host. */
export function isDebian(): boolean {
  return existsSync(`${DPKG}/status`) && existsSync('/usr/bin/apt-get') && existsSync('/usr/share/base-passwd');
}

/**
 * Writes the root of a Debian into `root` that holds what is essential and apt, in the versions of this host, with the same
 * sources of packages.
 */
export async function writeDebianRoot(root: string): Promise<void> {
  const installed = parseStatus(await readFile(`${DPKG}/status`, 'utf8'));
  const essential = [...installed].filter(([, one]) => one.essential).map(([name]) => name);
  const names = withDependencies(installed, [...essential, 'apt', 'debian-archive-keyring']);
  const inRoot = (...parts: string[]) => path.join(root, ...parts);
  for (const name of MERGED) {
    await mkdir(inRoot('usr', name), { recursive: true });
    await symlink(`usr/${name}`, inRoot(name));
  }
  const empty = [
    'proc',
    'sys',
    'dev',
    'run',
    'root',
    'tmp',
    'var/log/apt',
    'var/lib/dpkg/info',
    'var/lib/dpkg/updates',
  ];
  for (const name of [...empty, 'var/lib/apt/lists/partial', 'var/cache/apt/archives/partial'])
    await mkdir(inRoot(name), { recursive: true });
  await chmod(inRoot('tmp'), 0o1777);

  const ofPackage = new Set(names);
  // `<name>.list` or `<name>:<architecture>.list`; names have dots themselves.
  const packageOf = (file: string) => file.replace(/\.[a-z0-9]+$/, '').split(':')[0] ?? '';
  const known = await readdir(`${DPKG}/info`);
  const info = known.filter((file) => ofPackage.has(packageOf(file)) || file === 'format');
  const files = new Set<string>();
  for (const file of info) {
    if (file.endsWith('.list'))
      for (const line of (await readFile(`${DPKG}/info/${file}`, 'utf8')).split('\n')) files.add(line);
  }
  for (const tree of ['/etc/apt', '/usr/share/keyrings', '/etc/alternatives']) {
    for (const entry of await readdir(tree, { recursive: true })) files.add(path.join(tree, entry));
  }
  // What update-alternatives has made: links that no package lists.
  for (const link of ['/usr/bin/awk', '/usr/bin/which', '/usr/bin/pager']) if (existsSync(link)) files.add(link);
  const listed = [...files]
    .map((file) => file.replace(/^\//, '').replace(/^(bin|sbin|lib|lib64)(?=\/|$)/, 'usr/$1'))
    .filter((file) => file !== '' && file !== '.' && !/^usr\/share\/(doc|man|locale)\//.test(file));
  await copyFiles([...new Set(listed)].toSorted(), root);

  for (const file of info)
    await cp(`${DPKG}/info/${file}`, inRoot('var/lib/dpkg/info', file), { preserveTimestamps: true });
  await writeFile(inRoot('var/lib/dpkg/status'), names.map((name) => `${installed.get(name)?.stanza}\n\n`).join(''));
  await cp('/usr/share/base-passwd/passwd.master', inRoot('etc/passwd'));
  await cp('/usr/share/base-passwd/group.master', inRoot('etc/group'));
  await capture(['chroot', root, '/sbin/ldconfig']);
}

function parseStatus(text: string): Map<string, Installed> {
  const installed = new Map<string, Installed>();
  for (const stanza of text.split('\n\n')) {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1] ?? '';
    if (field('Status') !== 'install ok installed') continue;
    const list = (value: string) => value.split(',').flatMap((part) => (part.trim() === '' ? [] : [part]));
    const nameIn = (part: string) => part.trim().split(/[\s:(]/)[0] ?? '';
    installed.set(field('Package'), {
      stanza,
      essential: field('Essential') === 'yes',
      depends: [...list(field('Pre-Depends')), ...list(field('Depends'))].map((one) => one.split('|').map(nameIn)),
      provides: list(field('Provides')).map(nameIn),
    });
  }
  return installed;
}

/** These packages and all that they need, as it is satisfied on this host. */
function withDependencies(installed: ReadonlyMap<string, Installed>, first: readonly string[]): string[] {
  const provider = (name: string) =>
    installed.has(name) ? name : [...installed].find(([, { provides }]) => provides.includes(name))?.[0];
  const found = new Set<string>();
  const left = [...first];
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    for (const alternatives of installed.get(name)?.depends ?? []) {
      const satisfied = alternatives.map(provider).find((one) => one !== undefined);
      if (satisfied !== undefined) left.push(satisfied);
    }
  }
  return [...found].toSorted();
}

/** Copies files of this host, with owners and modes; what is listed and not there is left out. */
async function copyFiles(names: readonly string[], root: string): Promise<void> {
  const from = ['-C', '/', '--create', '--no-recursion', '--ignore-failed-read', '--files-from=-'];
  const reading = spawn('tar', from, { stdio: ['pipe', 'pipe', 'ignore'] });
  const writing = spawn('tar', ['-C', root, '--extract'], { stdio: ['pipe', 'ignore', 'pipe'] });
  reading.stdout.pipe(writing.stdin);
  let why = '';
  writing.stderr.on('data', (chunk: Buffer) => (why += chunk.toString()));
  reading.stdin.end(`${names.join('\n')}\n`);
  const [code] = (await once(writing, 'close')) as [number];
  if (code !== 0) throw new Error(`The root could not be written: ${why}`);
}
