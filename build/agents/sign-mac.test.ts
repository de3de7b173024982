import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blankMacSymbols } from './blank-mac-symbols.ts';
import { readMacSignature } from './read-mac-signature.ts';
import { signAdHoc } from './sign-mac.ts';
import { smallMachO } from './testing/small-mach-o.ts';

const executables = fc.record({
  arm64: fc.boolean(),
  text: fc.uint8Array({ minLength: 1, maxLength: 20_000 }).map((bytes) => Buffer.from(bytes)),
  symbols: fc.array(fc.record({ name: fc.stringMatching(/^_[a-z]{1,12}$/), local: fc.boolean() }), { maxLength: 20 }),
});

describe('an ad-hoc signature', () => {
  it('is read by a reader of its own, covers every byte before it, and is the same when made again', () => {
    fc.assert(
      fc.property(executables, fc.nat(), (what, where) => {
        const signed = signAdHoc(smallMachO(what), 'example');
        const signature = readMacSignature(signed);
        expect(signature).toMatchObject({ identifier: 'example', team: null, adHoc: true, hardened: false });
        expect(signAdHoc(signed, 'example').equals(signed)).toBe(true);
        const covered = signed.length - Math.ceil((signature.codeDirectory.length + 36 + 12 + 8) / 16) * 16;
        const changed = Buffer.from(signed);
        const position = where % covered;
        changed[position] = (changed[position] ?? 0) ^ 1;
        expect(() => readMacSignature(changed)).toThrow();
      }),
      { numRuns: 60 },
    );
  });

  it('is refused to what it cannot sign whole', () => {
    const file = smallMachO({ text: Buffer.from('text') });
    expect(() => signAdHoc(Buffer.concat([file, Buffer.alloc(16)]), 'x')).toThrow('__LINKEDIT is not at the end');
    expect(() => signAdHoc(Buffer.from('#!/bin/sh\n'), 'x')).toThrow('not a thin 64-bit Mach-O');
    expect(() => readMacSignature(file)).toThrow('no signature');
    const signed = signAdHoc(file, 'x');
    expect(() => readMacSignature(Buffer.concat([signed, Buffer.from('more')]))).toThrow('behind the signature');
  });
});

describe('blanking local symbols', () => {
  it('leaves the others and all positions as they are', () => {
    fc.assert(
      fc.property(executables, (what) => {
        const file = smallMachO(what);
        const blanked = Buffer.from(file);
        blankMacSymbols(blanked);
        expect(blanked.length).toBe(file.length);
        const text = blanked.toString('latin1');
        for (const { name, local } of what.symbols) {
          const kept = what.symbols.some((other) => other.name === name && !other.local);
          // With the zero before it, which one name inside another does not have.
          const there = text.includes(`\0${name}\0`);
          expect(there, name).toBe(kept || !local);
        }
        readMacSignature(signAdHoc(blanked, 'x'));
      }),
    );
  });
});
