import { describe, expect, test } from 'vitest';
import { luminance, segmentColours } from './segment-colours.ts';

const NAMES = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];
const ALL = NAMES.flatMap((name) => [`ansi-${name}`, `ansi-bright-${name}`]);
function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

describe('colours of a log', () => {
  test('a colour alone follows the theme, an exact colour stays exact', () => {
    expect(segmentColours('ansi-red', null)).toEqual({ color: 'var(--ansi-red)' });
    expect(segmentColours('rgb(1, 2, 3)', 'rgb(4, 5, 6)')).toEqual({
      color: 'rgb(1, 2, 3)',
      backgroundColor: 'rgb(4, 5, 6)',
    });
    expect(segmentColours(null, null)).toEqual({});
  });

  test.each(ALL)('text on %s can be read, whatever colour the program asked for', (background) => {
    for (const foreground of [null, ...ALL]) {
      const { color = '', backgroundColor = '' } = segmentColours(foreground, background);
      expect(contrast(color, backgroundColor)).toBeGreaterThanOrEqual(4.5);
    }
  });

  test('also on any grey of the palette', () => {
    for (let grey = 0; grey < 256; grey++) {
      const { color = '', backgroundColor = '' } = segmentColours(null, `rgb(${grey}, ${grey}, ${grey})`);
      expect(contrast(color, backgroundColor)).toBeGreaterThanOrEqual(3.9);
    }
  });
});
