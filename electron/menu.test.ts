import { expect, it } from 'vitest';
import { menuTemplate } from './menu.ts';

const rolesOf = (platform: NodeJS.Platform, devTools: boolean) => JSON.stringify(menuTemplate(platform, devTools));

it('has the developer tools only where they are allowed', () => {
  for (const platform of ['linux', 'win32', 'darwin'] as const) {
    expect(rolesOf(platform, true)).toContain('toggleDevTools');
    expect(rolesOf(platform, false)).not.toContain('toggleDevTools');
  }
});

it('lets a person edit, zoom and quit on each system, and hide on macOS', () => {
  for (const platform of ['linux', 'win32', 'darwin'] as const) {
    for (const role of ['editMenu', 'zoomIn', 'resetZoom', 'quit'])
      expect(rolesOf(platform, false)).toContain(`"${role}"`);
  }
  expect(rolesOf('darwin', false)).toContain('"hide"');
  expect(rolesOf('linux', false)).not.toContain('"hide"');
});
