import { expect, it } from 'vitest';
import { isPermitted } from './permissions.ts';

const OTHERS = [
  'clipboard-read',
  'media',
  'geolocation',
  'openExternal',
  'fileSystem',
  'usb',
  'hid',
  'unknown',
  'local-network',
];

it('lets the page copy text and notify, and nothing else', () => {
  for (const permission of ['clipboard-sanitized-write', 'notifications']) {
    expect(isPermitted(permission, 'app://outrunner/', true)).toBe(true);
    expect(isPermitted(permission, 'app://outrunner', true)).toBe(true);
  }
  for (const permission of OTHERS) expect(isPermitted(permission, 'app://outrunner/', true), permission).toBe(false);
});

it('lets nobody else: no other origin, no frame inside the page, no unknown requester', () => {
  for (const requester of ['https://example.com/', 'app://outrunner.evil/', 'null', '', undefined]) {
    expect(isPermitted('notifications', requester, true)).toBe(false);
  }
  expect(isPermitted('notifications', 'app://outrunner/', false)).toBe(false);
});
