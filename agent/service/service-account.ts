import { readFile } from 'node:fs/promises';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { AgentExit } from '../agent-exit.ts';
import type { Layout } from '../installation/layout.ts';
import { failed, type Tools } from './tools.ts';

/** The account of its own that a service of the host runs as. */
export interface Account {
  readonly user: string;
  readonly group: string;
  readonly uid: number;
  readonly gid: number;
}

/** Comment of the accounts that we make: one without it is somebody else's. */
const COMMENT = 'Outrunner agent';

/** The account of this service; null when there is none, or when it is not one that we made. */
export async function findAccount(tools: Tools, layout: Layout): Promise<Account | null> {
  const name = accountName(layout);
  if (layout.platform === 'darwin') return await findMacAccount(tools, name);
  const line = await passwdLine(tools, name);
  return line === null ? null : accountOf(line);
}

/** Makes the account unless it is there. Returns whether it made it. */
export async function makeAccount(tools: Tools, layout: Layout): Promise<{ account: Account; isNew: boolean }> {
  const name = accountName(layout);
  const line = layout.platform === 'darwin' ? null : await passwdLine(tools, name);
  const present = await findAccount(tools, layout);
  if (present !== null) return { account: present, isNew: false };
  if (line !== null) {
    throw new AgentExit(
      AGENT_EXIT.serviceRefused,
      `There is a user "${name}" on this host who is not the agent's.`,
      'Choose another name with --name.',
    );
  }
  for (const [tool, ...args] of accountCommands(tools, layout, name)) await tools.must(tool ?? '', args);
  const account = await findAccount(tools, layout);
  if (account === null) throw failed(`The user "${name}" was made, and cannot be found.`);
  return { account, isNew: true };
}

/** Removes the account; nothing happens when it is not one that we made. */
export async function removeAccount(tools: Tools, layout: Layout): Promise<void> {
  // On macOS an administrator has made it, and keeps it.
  if (layout.platform === 'darwin' || (await findAccount(tools, layout)) === null) return;
  const name = accountName(layout);
  if (tools.find('userdel') !== null) await tools.must('userdel', [name]);
  else await busybox(tools, 'deluser', [name]);
}

/** Underscored on macOS, as all accounts of services are there. */
function accountName({ platform, name }: Layout): string {
  return platform === 'darwin' ? `_${name}` : name;
}

/** How the account is made with what this host has: shadow's useradd, or adduser of busybox. */
function accountCommands(tools: Tools, layout: Layout, name: string): (readonly string[])[] {
  const home = layout.home ?? layout.state;
  if (layout.platform === 'darwin') throw failed(`There is no user "${name}".`, macAccountTodo(name, home));
  const shell = tools.find('nologin') ?? '/bin/false';
  if (tools.find('useradd') !== null) {
    const account = ['--system', '--user-group', '--no-create-home', '--home-dir', home, '--shell', shell];
    return [['useradd', ...account, '--comment', COMMENT, name]];
  }
  const applet = (tool: string) => (tools.find(tool) === null ? ['busybox', tool] : [tool]);
  return [
    [...applet('addgroup'), '-S', name],
    [...applet('adduser'), '-S', '-D', '-H', '-h', home, '-s', shell, '-G', name, '-g', COMMENT, name],
  ];
}

/** Making one takes a free number and ten commands, and differs between versions of macOS: left to the administrator. */
function macAccountTodo(name: string, home: string): string {
  return (
    `Make it with: sudo sysadminctl -addUser ${name} -fullName "${COMMENT}" -home "${home}" -shell /usr/bin/false -roleAccount -UID <a free one from 300 to 399>; ` +
    'or install for yourself with --user.'
  );
}

async function busybox(tools: Tools, applet: string, args: readonly string[]): Promise<void> {
  if (tools.find(applet) !== null) await tools.must(applet, args);
  else await tools.must('busybox', [applet, ...args]);
}

/** Users may also be known to the host from elsewhere (LDAP): then only getent says so. */
async function passwdLine(tools: Tools, name: string): Promise<string | null> {
  const getent = tools.find('getent');
  const text =
    getent === null ? await readFile('/etc/passwd', 'utf8') : (await tools.run(getent, ['passwd', name])).stdout;
  return text.split('\n').find((line) => line.startsWith(`${name}:`)) ?? null;
}

/** An entry of passwd when it is one of ours. */
export function accountOf(line: string): Account | null {
  const [user = '', , uid = '', gid = '', comment = ''] = line.split(':');
  // Never root, whatever it is called.
  if (comment.split(',')[0] !== COMMENT || !/^[1-9]\d*$/.test(uid) || !/^[1-9]\d*$/.test(gid)) return null;
  return { user, group: user, uid: Number(uid), gid: Number(gid) };
}

async function findMacAccount(tools: Tools, name: string): Promise<Account | null> {
  const { code, stdout } = await tools.run('dscl', ['.', '-read', `/Users/${name}`, 'UniqueID', 'PrimaryGroupID']);
  const uid = /^UniqueID: (\d+)$/m.exec(stdout)?.[1];
  const gid = /^PrimaryGroupID: (\d+)$/m.exec(stdout)?.[1];
  if (code !== 0 || uid === undefined || gid === undefined || uid === '0') return null;
  return { user: name, group: name, uid: Number(uid), gid: Number(gid) };
}
