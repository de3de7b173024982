import { rowSegments } from './ansi-row.ts';
import type { LineKind } from './line-store.ts';
import { type MarkedSegment, markedSegments } from './marked-segments.ts';
import classes from './output.module.css';
import { segmentColours } from './segment-colours.ts';

interface Props {
  readonly line: number;
  readonly kind: LineKind;
  /** With its colour sequences. */
  readonly text: string;
  /** When it was printed, as text; null hides the column. */
  readonly time: string | null;
  readonly wanted: string;
  /** The match that was jumped to. */
  readonly current: boolean;
}

const SEPARATOR_SIGN: Readonly<Record<LineKind, string>> = {
  stdout: '',
  stderr: 'err',
  started: '▸',
  'step-started': '▸',
  'step-succeeded': '✓',
  'step-failed': '✗',
  'step-skipped': '–',
  'step-stopped': '■',
  succeeded: '✓',
  failed: '✗',
  stopped: '■',
  mark: '⚑',
  cut: '✂',
};

/** One row of the log: time, a sign for what it is, and its text in its colours. */
export function OutputRow({ line, kind, text, time, wanted, current }: Props) {
  return (
    <div className={classes.row} data-kind={kind} data-line={line} data-current={current || undefined}>
      {time !== null && <span className={classes.time}>{time}</span>}
      <span className={classes.sign}>{SEPARATOR_SIGN[kind]}</span>
      <span className={classes.text}>
        {markedSegments(rowSegments(text), wanted).map((segment, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a line have no other name, and none has state
          <Segment key={index} segment={segment} />
        ))}
      </span>
    </div>
  );
}

function Segment({ segment }: { segment: MarkedSegment }) {
  const { text, foreground, background, styles, hit } = segment;
  const plain = foreground === null && background === null && styles.length === 0;
  const content = hit ? <mark className={classes.hit}>{text}</mark> : text;
  if (plain) return content;
  const names = styles.map((style) => classes[style]).filter((name) => name !== undefined);
  return (
    <span className={names.join(' ')} style={segmentColours(foreground, background)}>
      {content}
    </span>
  );
}
