import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isApiUrl, isRedirect, toCoordinatorRequest, toPageHeaders } from './api-request.ts';

const TARGET = { url: 'https://coordinator.example:4440', token: 'secret-token' };
const request = (
  url: string,
  init: { method?: string; headers?: Record<string, string>; initiatorOrigin?: string } = {},
) => ({
  method: init.method ?? 'GET',
  url,
  headers: new Headers(init.headers),
  ...(init.initiatorOrigin === undefined ? {} : { initiatorOrigin: init.initiatorOrigin }),
});

describe('a request of the page on its way to the coordinator', () => {
  it('keeps path and query, and gets the token', () => {
    const mapped = toCoordinatorRequest(request('app://outrunner/api/v1/runners?limit=5&search=a%2Fb'), TARGET);
    expect(mapped.url).toBe('https://coordinator.example:4440/api/v1/runners?limit=5&search=a%2Fb');
    expect(mapped.headers.get('authorization')).toBe('Bearer secret-token');
  });

  it('carries the few headers that the API knows, and neither a cookie nor an authorization of the page', () => {
    const { headers } = toCoordinatorRequest(
      request('app://outrunner/api/v1/me', {
        headers: {
          'Content-Type': 'application/json',
          'Idempotency-Key': 'k',
          Range: 'bytes=0-1',
          Cookie: 'a=b',
          Authorization: 'Bearer stolen',
          Origin: 'https://evil.example',
          'X-Forwarded-For': '1.2.3.4',
          Host: 'evil.example',
        },
      }),
      { ...TARGET, token: null },
    );
    expect(Object.fromEntries(headers)).toEqual({
      'content-type': 'application/json',
      'idempotency-key': 'k',
      range: 'bytes=0-1',
    });
  });

  it('goes nowhere but to the API', () => {
    for (const url of [
      'app://outrunner/',
      'app://outrunner/api',
      'app://outrunner/api/docs',
      'app://outrunner/api/v1',
      'app://outrunner/api/v2/me',
      'app://outrunner/api/v1/../../metrics',
      'app://outrunner/api/v1/%2e%2e/%2e%2e/metrics',
      'app://outrunner/api/v1/..%2f..%2fmetrics',
      'app://outrunner/api/v1/..%5c..%5cmetrics',
      'app://outrunner/api/v1/keys/%E0%A4%A',
      'app://elsewhere/api/v1/me',
      'https://coordinator.example/api/v1/me',
    ]) {
      expect(() => toCoordinatorRequest(request(url), TARGET), url).toThrow(
        expect.objectContaining({ code: 'not-found' }),
      );
    }
  });

  it('is refused when another page made it, or with a method that the API does not have', () => {
    const url = 'app://outrunner/api/v1/me';
    for (const initiatorOrigin of ['https://evil.example', 'null', '']) {
      expect(() => toCoordinatorRequest(request(url, { initiatorOrigin }), TARGET)).toThrow(
        expect.objectContaining({ code: 'not-allowed' }),
      );
    }
    expect(toCoordinatorRequest(request(url, { initiatorOrigin: 'app://outrunner' }), TARGET).method).toBe('GET');
    for (const method of ['CONNECT', 'TRACE', 'OPTIONS', 'PROPFIND']) {
      expect(() => toCoordinatorRequest(request(url, { method }), TARGET)).toThrow(
        expect.objectContaining({ code: 'method-not-allowed' }),
      );
    }
  });

  it('whatever its path is, it ends at the coordinator’s own origin, below the API, or is refused', () => {
    const piece = fc.oneof(
      fc.constantFrom('..', '%2e%2e', '%2f', '\\', '//', '@evil.example', ':80', '?', '#'),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const url = `app://outrunner/api/v1/${pieces.join('/')}`;
        let mapped: { url: string };
        try {
          mapped = toCoordinatorRequest(request(url), TARGET);
        } catch (error) {
          expect(error).toMatchObject({ code: 'not-found' });
          return;
        }
        const end = new URL(mapped.url);
        expect(end.origin).toBe(TARGET.url);
        expect(end.pathname.startsWith('/api/v1/')).toBe(true);
        expect(end.username).toBe('');
      }),
      { numRuns: 1000 },
    );
  });

  it('is told apart from a request for a file of the page', () => {
    expect(isApiUrl('app://outrunner/api/v1/me')).toBe(true);
    expect(isApiUrl('app://outrunner/api')).toBe(true);
    expect(isApiUrl('app://outrunner/apiary.js')).toBe(false);
    expect(isApiUrl('https://evil.example/api/v1/me')).toBe(false);
  });
});

describe('the answer on its way to the page', () => {
  it('loses cookies, foreign policies and the length of what was compressed', () => {
    const headers = toPageHeaders(
      new Headers([
        ['Set-Cookie', 'a=b'],
        ['Set-Cookie', 'c=d'],
        ['Access-Control-Allow-Origin', '*'],
        ['Content-Encoding', 'gzip'],
        ['Content-Length', '10'],
        ['Clear-Site-Data', '"*"'],
        ['ETag', '"x"'],
        ['X-Next-Offset', '7'],
        ['Content-Type', 'application/json'],
      ]),
    );
    expect(Object.fromEntries(headers)).toEqual({
      etag: '"x"',
      'x-next-offset': '7',
      'content-type': 'application/json',
      'x-content-type-options': 'nosniff',
    });
    expect(toPageHeaders(new Headers({ 'Content-Length': '5' })).get('content-length')).toBe('5');
  });

  it('is a redirect for every 3xx but "not modified"', () => {
    expect([301, 302, 303, 307, 308].every(isRedirect)).toBe(true);
    expect([200, 204, 206, 304, 400].some(isRedirect)).toBe(false);
  });
});
