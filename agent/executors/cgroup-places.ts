/** Where this process may make control groups (version 2) of its own: pure readings of `/proc`. */

/** A place where the process stands in a cgroup2 file system that it can see. */
export interface CgroupPlace {
  /** Folder of the cgroup that the process is in. */
  readonly folder: string;
  readonly readOnly: boolean;
}

/**
 * The places of a process, from `/proc/self/mountinfo` and `/proc/self/cgroup`. More than one where cgroup2 is mounted more
 * than once; on hybrid hosts it is a second mount without controllers, which serves as well. `ours`: name of the agent's
 * own group, so that an agent that is started from inside of one does not nest another in it.
 */
export function cgroupPlaces(mountinfo: string, selfCgroup: string, ours: string): CgroupPlace[] {
  const line = selfCgroup.split('\n').find((one) => one.startsWith('0::/'));
  if (line === undefined) return [];
  let path = line.slice(3).replace(/ \(deleted\)$/, '');
  const nested = path.indexOf(`/${ours}/`);
  if (nested >= 0) path = path.slice(0, nested) || '/';
  const places: CgroupPlace[] = [];
  for (const mount of mountinfo.split('\n')) {
    const [front = '', back = ''] = mount.split(' - ', 2);
    if (!back.startsWith('cgroup2 ')) continue;
    const [, , , root = '', mountPoint = '', options = ''] = front.split(' ').map(unescapeMount);
    const below = pathBelow(path, root);
    if (below === null) continue;
    const superOptions = back.split(' ')[2] ?? '';
    const readOnly = [options, superOptions].some((list) => list.split(',').includes('ro'));
    places.push({ folder: mountPoint.replace(/\/$/, '') + below, readOnly });
  }
  return places;
}

/** What remains of a path below a folder: empty for the folder itself, null when it is not below it. */
function pathBelow(path: string, root: string): string | null {
  // Outside of our namespace: the kernel writes it with `/..`.
  if (path.startsWith('/..') || root.startsWith('/..')) return null;
  if (root === '/') return path === '/' ? '' : path;
  if (path === root) return '';
  return path.startsWith(`${root}/`) ? path.slice(root.length) : null;
}

/** mountinfo writes space, tab, line end and backslash as octal numbers. */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
