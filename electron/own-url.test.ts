import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOwnOrigin, isOwnUrl } from './own-url.ts';

describe('which addresses are the console’s own', () => {
  it('takes its own scheme and host, with any path', () => {
    for (const url of ['app://outrunner/', 'app://outrunner', 'app://outrunner/runners/1?x=1#y']) {
      expect(isOwnUrl(url), url).toBe(true);
    }
  });

  it('refuses everything that only looks like it', () => {
    for (const url of [
      'https://outrunner/',
      'app://outrunner.evil.example/',
      'app://evil.example/app://outrunner/',
      'app://outrunner@evil.example/',
      'app://user@outrunner/',
      'app://user:password@outrunner/',
      'app://outrunner:8080/',
      'app:outrunner/',
      'app:///outrunner/',
      'application://outrunner/',
      'file:///app://outrunner/',
      'javascript:alert(1)//app://outrunner/',
      'data:text/html,app://outrunner/',
      'about:blank',
      '',
    ]) {
      expect(isOwnUrl(url), url).toBe(false);
    }
  });

  it('never takes a URL whose parsed host is another one, whatever stands in it', () => {
    fc.assert(
      fc.property(fc.webUrl({ withFragments: true, withQueryParameters: true }), (url) => {
        expect(isOwnUrl(url)).toBe(false);
        expect(isOwnUrl(url.replace(/^https?/, 'app'))).toBe(false);
      }),
    );
  });

  it('knows its origin as Electron writes it, and no other', () => {
    expect(isOwnOrigin('app://outrunner')).toBe(true);
    expect(isOwnOrigin('app://outrunner/')).toBe(true);
    for (const origin of ['null', '', 'app://outrunner.evil', 'https://outrunner'])
      expect(isOwnOrigin(origin)).toBe(false);
  });
});
