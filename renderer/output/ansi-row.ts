// biome-ignore-all lint/suspicious/noControlCharactersInRegex: control characters are exactly what this finds
import Anser from 'anser';
import { plainSgrParameters } from './sgr-state.ts';

/** Part of a row in one style. `foreground` and `background` are class names (`ansi-red`), CSS colours, or null. */
export interface RowSegment {
  readonly text: string;
  readonly foreground: string | null;
  readonly background: string | null;
  /** Class names: `ansi-bold`, `ansi-underline`… */
  readonly styles: readonly string[];
}

/*
 * What a terminal acts on, and a log must not: window titles, links and other strings (OSC, DCS, SOS, PM, APC; to their
 * end, or to the end of the line when they have none), cursor movements and erasures (CSI), two-character sequences.
 */
const SEQUENCE =
  /\u001b(?:[\]PX^_][^\u0007\n\u001b\u009c]*(?:\u0007|\u009c|\u001b\\)?|\[([0-?]*)([ -/]*)([@-~]?)|[ -/]*[0-~]?)/g;
/** All controls but the tab, those of Latin-1 as well. */
const CONTROLS = /[\u0000-\u0008\u000a-\u001a\u001c-\u001f\u007f-\u009f]/g;
/** As above, but line feeds are kept as well. */
const CONTROLS_IN_LINES = /[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f]/g;
const SGR_PARAMETERS = /^[0-9;:]*$/;

/** The text without control characters and sequences, except SGR sequences (colours and styles). Never throws. */
export function keepOnlySgr(text: string): string {
  const clean = text.includes('\u001b')
    ? text.replace(
        SEQUENCE,
        (_, parameters: string | undefined, between: string | undefined, final: string | undefined) =>
          final === 'm' && between === '' && parameters !== undefined && SGR_PARAMETERS.test(parameters)
            ? `\u001b[${plainSgrParameters(parameters)}m`
            : '',
      )
    : text;
  return clean.replace(CONTROLS, '');
}

/** What a person reads: the text without any control character or sequence but tabs. Never throws. */
export function plainText(text: string): string {
  return (text.includes('\u001b') ? text.replace(SEQUENCE, '') : text).replace(CONTROLS, '');
}

/** {@link plainText} of several lines at once: no sequence goes beyond the line that it is in. Never throws. */
export function plainLines(text: string): string {
  return (text.includes('\u001b') ? text.replace(SEQUENCE, '') : text).replace(CONTROLS_IN_LINES, '');
}

/** The parts of a row, in order, each in one style. Together they are {@link plainText}. Never throws. */
export function rowSegments(text: string): RowSegment[] {
  const kept = keepOnlySgr(text);
  if (!kept.includes('\u001b'))
    return kept === '' ? [] : [{ text: kept, foreground: null, background: null, styles: [] }];
  return Anser.ansiToJson(kept, { json: true, use_classes: true, remove_empty: true }).map((entry) => ({
    text: entry.content,
    foreground: colour(entry.fg, entry.fg_truecolor),
    background: colour(entry.bg, entry.bg_truecolor),
    styles: [...new Set(entry.decorations)].map((style) => `ansi-${style}`),
  }));
}

function colour(name: string | null, trueColour: string | null): string | null {
  if (name === null || name === undefined || name === '') return null;
  if (name === 'ansi-truecolor') return trueColour === null ? null : `rgb(${trueColour})`;
  const palette = /^ansi-palette-(\d+)$/.exec(name);
  return palette === null ? name : paletteColour(Number(palette[1]));
}

/** Colours 16 to 255 of the standard palette: a cube of 6×6×6 and 24 greys. */
function paletteColour(index: number): string {
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey}, ${grey}, ${grey})`;
  }
  const cube = index - 16;
  const level = (step: number) => (step === 0 ? 0 : 55 + step * 40);
  return `rgb(${level(Math.floor(cube / 36))}, ${level(Math.floor(cube / 6) % 6)}, ${level(cube % 6)})`;
}
