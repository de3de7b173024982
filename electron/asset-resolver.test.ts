import { posix, win32 } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolveAsset } from './asset-resolver.ts';

const get = (path: string) => resolveAsset('GET', `app://outrunner${path}`);

describe('the resolver of the page’s files', () => {
  it('serves files of assets/ and of the root with a fixed type', () => {
    expect(get('/assets/index-abc.js')).toEqual({
      kind: 'file',
      file: 'assets/index-abc.js',
      contentType: 'text/javascript; charset=utf-8',
    });
    expect(get('/favicon.svg')).toMatchObject({ file: 'favicon.svg', contentType: 'image/svg+xml' });
    expect(get('/assets/a%20b.css?v=1')).toMatchObject({ file: 'assets/a b.css' });
  });

  it('gives the page to every address that is a route of the page', () => {
    for (const path of ['', '/', '/index.html', '/runners', '/projects/my.project.js/jobs', '/runners/0-1?tab=x#y']) {
      expect(get(path), path).toEqual({ kind: 'page' });
    }
  });

  it('refuses other methods, other hosts and files of unknown kind', () => {
    expect(resolveAsset('POST', 'app://outrunner/')).toEqual({ kind: 'refused', status: 405 });
    expect(resolveAsset('GET', 'app://elsewhere/index.html')).toEqual({ kind: 'refused', status: 404 });
    for (const path of ['/assets/x.exe', '/assets/x', '/assets/x.js.map', '/assets/x.constructor', '/.env']) {
      expect(get(path), path).toEqual({ kind: 'refused', status: 404 });
    }
  });

  it('refuses every way up or out', () => {
    for (const path of [
      '/assets/..%2f..%2fpackage.json',
      '/assets/..%5c..%5cpackage.json',
      '/assets/%2e%2e%2f%2e%2e%2fmain.js',
      '/assets/..\\..\\package.json',
      '/assets/a%00.js',
      '/assets/C:%5cwindows.js',
      '/assets/x.js:stream.js',
      '/assets/%E0%A4%A.js',
      `/assets/${'a'.repeat(2000)}.js`,
    ]) {
      expect(get(path), path).toEqual({ kind: 'refused', status: 400 });
    }
    // The URL parser itself has taken these away.
    expect(get('/assets/../../secret.js')).toEqual({
      kind: 'file',
      file: 'secret.js',
      contentType: 'text/javascript; charset=utf-8',
    });
    expect(get('/assets/%2e%2e/%2E%2E/secret.js')).toMatchObject({ file: 'secret.js' });
  });

  it('never yields a file outside of the folder, whatever is asked', () => {
    const piece = fc.oneof(
      fc.constantFrom('..', '.', '%2e%2e', '%2E.', '%5c', '\\', '%2f', '%00', 'assets', 'C:', '~', '%252e%252e', ''),
      fc.string({ maxLength: 8 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const url = `app://outrunner/${pieces.join('/')}.js`;
        if (URL.parse(url) === null) return;
        const asset = resolveAsset('GET', url);
        if (asset.kind !== 'file') return;
        for (const path of [posix, win32]) {
          const root = path === posix ? '/app/renderer' : 'C:\\app\\renderer';
          const full = path.resolve(root, asset.file);
          expect(full.startsWith(root + path.sep), asset.file).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
