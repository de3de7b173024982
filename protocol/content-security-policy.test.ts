import { describe, expect, it } from 'vitest';
import { contentSecurityPolicy, withNonce } from './content-security-policy.ts';

const NONCE = 'abcdefghijklmnopqrstuv';

describe('the policy of the console page', () => {
  it('starts from nothing, takes all from its own origin, and lets only style elements with the nonce be inline', () => {
    const policy = contentSecurityPolicy(NONCE);
    const directives = new Map(
      policy.split('; ').map((text) => [text.split(' ')[0], text.split(' ').slice(1).join(' ')]),
    );
    expect(directives.get('default-src')).toBe("'none'");
    expect(directives.get('script-src')).toBe("'self'");
    expect(directives.get('connect-src')).toBe("'self'");
    expect(directives.get('style-src')).toBe(`'self' 'nonce-${NONCE}'`);
    for (const closed of ['base-uri', 'form-action', 'frame-ancestors']) expect(directives.get(closed)).toBe("'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
  });

  it('refuses a nonce that is too short or could end its quotes', () => {
    for (const bad of ['', 'short', `${NONCE}' *`, `${NONCE}"`, `${NONCE};`]) {
      expect(() => contentSecurityPolicy(bad)).toThrow(/nonce/);
      expect(() => withNonce('<head>', bad)).toThrow(/nonce/);
    }
  });

  it('puts the nonce where the page left room, else first into the head, and refuses a page without one', () => {
    expect(withNonce('<head><meta name="csp-nonce" content="__CSP_NONCE__" /></head>', NONCE)).toBe(
      `<head><meta name="csp-nonce" content="${NONCE}" /></head>`,
    );
    expect(withNonce('<!doctype html><head lang="en"><title>x</title></head>', NONCE)).toBe(
      `<!doctype html><head lang="en"><meta name="csp-nonce" content="${NONCE}"><title>x</title></head>`,
    );
    expect(() => withNonce('<header></header>', NONCE)).toThrow(/<head>/);
  });
});
