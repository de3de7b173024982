/**
 * Colours and styles that a terminal would carry from one line to the next. A row is shown alone, so each line that
 * begins inside a colour gets that colour's sequence put before it.
 */
export interface SgrState {
  /** Parameters that set the foreground, `31` or `38;5;208`; empty: the default. */
  readonly foreground: string;
  readonly background: string;
  /** Style codes that are on, 1 (bold) to 9 (struck through), in order. */
  readonly styles: readonly number[];
}

export const PLAIN: SgrState = { foreground: '', background: '', styles: [] };

const ESCAPE = 0x1b;
const decoder = new TextDecoder('latin1');

/** The sequence that brings a plain terminal into `state`; empty when it is plain. */
export function sgrSequence(state: SgrState): string {
  const parts = [...state.styles.map(String), state.foreground, state.background].filter((part) => part !== '');
  return parts.length === 0 ? '' : `\u001b[${parts.join(';')}m`;
}

/** Parameters with colons (`38:2::1:2:3`, `4:3`) in the form with semicolons that everyone reads. */
export function plainSgrParameters(parameters: string): string {
  return parameters
    .split(';')
    .map((part) => {
      if (!part.includes(':')) return part;
      const [code = '', mode = '', ...rest] = part.split(':');
      if (code !== '38' && code !== '48') return mode === '0' ? `2${code}` : code;
      if (mode === '5') return `${code};5;${rest[0] ?? ''}`;
      return `${code};2;${rest.slice(-3).join(';')}`;
    })
    .join(';');
}

/** The state after the text `bytes` was printed in `state`. Everything but SGR sequences leaves it as it is. */
export function sgrAfter(state: SgrState, bytes: Uint8Array): SgrState {
  let after = state;
  for (let at = bytes.indexOf(ESCAPE); at !== -1; at = bytes.indexOf(ESCAPE, at + 1)) {
    if (bytes[at + 1] !== 0x5b) continue;
    let end = at + 2;
    while (end < bytes.length && (bytes[end] as number) >= 0x30 && (bytes[end] as number) <= 0x3b) end += 1;
    if (bytes[end] === 0x6d) after = apply(after, decoder.decode(bytes.subarray(at + 2, end)));
  }
  return after;
}

function apply(state: SgrState, parameters: string): SgrState {
  let { foreground, background } = state;
  let styles = [...state.styles];
  const off = (...codes: number[]) => {
    styles = styles.filter((style) => !codes.includes(style));
  };
  const codes = plainSgrParameters(parameters).split(';');
  for (let at = 0; at < codes.length; at++) {
    const code = Number(codes[at] || '0');
    if (code === 0) {
      foreground = '';
      background = '';
      styles = [];
    } else if (code >= 1 && code <= 9) {
      if (!styles.includes(code)) styles = [...styles, code].sort((a, b) => a - b);
    } else if (code === 21) off(1);
    else if (code === 22) off(1, 2);
    else if (code >= 23 && code <= 29) off(code - 20, ...(code === 25 ? [6] : []));
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) foreground = String(code);
    else if ((code >= 40 && code <= 47) || (code >= 100 && code <= 107)) background = String(code);
    else if (code === 39) foreground = '';
    else if (code === 49) background = '';
    else if (code === 38 || code === 48) {
      const colour = extendedColour(codes, at);
      at += Math.max(0, colour.length - 1);
      if (colour.length === 0) continue;
      if (code === 38) foreground = colour.join(';');
      else background = colour.join(';');
    }
  }
  return { foreground, background, styles };
}

/** The codes of a palette or true colour that begins at `at`; none when it is not complete or not sensible. */
function extendedColour(codes: readonly string[], at: number): string[] {
  const lengths: Readonly<Record<string, number>> = { '5': 3, '2': 5 };
  const colour = codes.slice(at, at + (lengths[codes[at + 1] ?? ''] ?? 0));
  const complete = colour.length === lengths[colour[1] ?? ''];
  return complete && colour.slice(2).every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255) ? colour : [];
}
