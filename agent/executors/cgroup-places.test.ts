import { expect, test } from 'vitest';
import { cgroupPlaces } from './cgroup-places.ts';

const OURS = 'outrunner-0123456789ab';
const UNIFIED = '29 22 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate';

test('a service of systemd stands in its own group', () => {
  expect(cgroupPlaces(UNIFIED, '0::/system.slice/outrunner-agent.service\n', OURS)).toEqual([
    { folder: '/sys/fs/cgroup/system.slice/outrunner-agent.service', readOnly: false },
  ]);
});

test('on a hybrid host the second mount without controllers is found', () => {
  const mounts = [
    '32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu',
    '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw',
  ].join('\n');
  expect(cgroupPlaces(mounts, '4:memory:/a\n1:cpu:/b\n0::/\n', OURS)).toEqual([
    { folder: '/sys/fs/cgroup/unified', readOnly: false },
  ]);
});

test('in a container its part of the tree is where it was mounted', () => {
  const mount = '40 30 0:26 /docker/abc /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw';
  expect(cgroupPlaces(mount, '0::/docker/abc\n', OURS)).toEqual([{ folder: '/sys/fs/cgroup', readOnly: true }]);
  expect(cgroupPlaces(mount, '0::/docker/abc/inner\n', OURS)[0]?.folder).toBe('/sys/fs/cgroup/inner');
  expect(cgroupPlaces(mount, '0::/docker/abcd\n', OURS)).toEqual([]);
  expect(cgroupPlaces(UNIFIED, '0::/../elsewhere\n', OURS)).toEqual([]);
});

test('several mounts are several places, and odd names of folders are read', () => {
  const second = String.raw`77 1 0:26 / /mnt/my\040groups rw - cgroup2 none ro`;
  expect(cgroupPlaces(`${UNIFIED}\n${second}\n`, '0::/a b\n', OURS)).toEqual([
    { folder: '/sys/fs/cgroup/a b', readOnly: false },
    { folder: '/mnt/my groups/a b', readOnly: true },
  ]);
});

test('an agent that is started from within its own groups does not nest them', () => {
  const place = (path: string) => cgroupPlaces(UNIFIED, `0::${path}\n`, OURS)[0]?.folder;
  expect(place(`/user.slice/${OURS}/agent`)).toBe('/sys/fs/cgroup/user.slice');
  expect(place(`/${OURS}/agent`)).toBe('/sys/fs/cgroup');
  expect(place(`/outrunner-ba9876543210/agent`)).toBe('/sys/fs/cgroup/outrunner-ba9876543210/agent');
  expect(place('/gone (deleted)')).toBe('/sys/fs/cgroup/gone');
});

test('a host without cgroup2 has no place', () => {
  expect(cgroupPlaces('32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu', '1:cpu:/b\n', OURS)).toEqual([]);
  expect(cgroupPlaces(UNIFIED, '1:cpu:/b\n', OURS)).toEqual([]);
  expect(cgroupPlaces('', '', OURS)).toEqual([]);
});
