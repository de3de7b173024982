/** Text that can be read on a light and on a dark background. */
const DARK_TEXT = '#1c222b';
const LIGHT_TEXT = '#ffffff';

/** Backgrounds of the sixteen colours: the same in both themes, because what is on them comes with them. */
const BACKGROUNDS: Readonly<Record<string, string>> = {
  'ansi-black': '#1c222b',
  'ansi-red': '#b42318',
  'ansi-green': '#1a7a3a',
  'ansi-yellow': '#f2c94c',
  'ansi-blue': '#1d4fb8',
  'ansi-magenta': '#96279c',
  'ansi-cyan': '#0b6675',
  'ansi-white': '#d5dae2',
  'ansi-bright-black': '#5b6472',
  'ansi-bright-red': '#ff8080',
  'ansi-bright-green': '#57c878',
  'ansi-bright-yellow': '#ffe08a',
  'ansi-bright-blue': '#8ab4f8',
  'ansi-bright-magenta': '#e09be6',
  'ansi-bright-cyan': '#5fd0de',
  'ansi-bright-white': '#ffffff',
};

export interface SegmentColours {
  readonly color?: string;
  readonly backgroundColor?: string;
}

/**
 * CSS colours for a part of a row. A colour of the sixteen alone is a variable of the theme, so that it can be read on
 * the page. On a background the text is light or dark, whichever can be read, unless the program named an exact colour:
 * programs count on the palette of a black terminal, and there is none here.
 */
export function segmentColours(foreground: string | null, background: string | null): SegmentColours {
  if (background === null) {
    if (foreground === null) return {};
    return { color: foreground.startsWith('ansi-') ? `var(--${foreground})` : foreground };
  }
  const backgroundColor = BACKGROUNDS[background] ?? background;
  const exact = foreground !== null && !foreground.startsWith('ansi-');
  return { backgroundColor, color: exact ? foreground : textOn(backgroundColor) };
}

/** Light or dark text, by contrast. */
function textOn(background: string): string {
  const light = luminance(background);
  return 1.05 / (light + 0.05) > (light + 0.05) / (luminance(DARK_TEXT) + 0.05) ? LIGHT_TEXT : DARK_TEXT;
}

/** Relative luminance as WCAG defines it, of `#rrggbb` or `rgb(r, g, b)`; of anything else that of black. */
export function luminance(colour: string): number {
  const parts = colour.startsWith('#')
    ? [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16))
    : (colour.match(/\d+/g) ?? []).map(Number);
  const [red = 0, green = 0, blue = 0] = parts.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
