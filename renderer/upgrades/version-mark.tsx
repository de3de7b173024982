import {
  IconArrowBarToUp,
  IconArrowBigUpLines,
  IconCircleArrowUp,
  IconCircleCheck,
  IconFlask,
  IconPlugConnectedX,
} from '@tabler/icons-react';
import type { Runner } from '../../protocol/api/runners.ts';
import type { VersionState } from '../../protocol/version-state.ts';
import { runnerVersionState, turnedAwayWords } from './runner-version.ts';
import type { HandedOut } from './use-handed-out.ts';
import classes from './version-mark.module.css';

/** How each state of a version is drawn. The shapes and words differ, so that colour is never the only sign. */
export const VERSION_LOOK = {
  current: { icon: IconCircleCheck, word: 'current', color: 'var(--outrunner-quiet)' },
  outdated: { icon: IconCircleArrowUp, word: 'outdated', color: 'var(--outrunner-warn)' },
  newer: { icon: IconArrowBigUpLines, word: 'newer', color: 'var(--mantine-color-anchor)' },
  'too-old': {
    icon: IconPlugConnectedX,
    word: 'too old',
    wide: 'too old for this coordinator',
    color: 'var(--outrunner-bad)',
  },
  'too-new': {
    icon: IconArrowBarToUp,
    word: 'too new',
    wide: 'newer than this coordinator',
    color: 'var(--outrunner-bad)',
  },
} as const satisfies Partial<Record<VersionState, unknown>>;

interface Props {
  readonly runner: Pick<Runner, 'version' | 'replicas' | 'refusals'>;
  readonly handedOut: HandedOut;
  /** With room for it: that it is a development build stands there in words. */
  readonly wide?: boolean;
}

/** The version of a Runner, and whether it is current. Plain elements: it stands in every row of a long list. */
export function VersionMark({ runner, handedOut, wide = false }: Props) {
  const state = runnerVersionState(runner, handedOut.version);
  const { version } = runner;
  if (state === 'unknown') {
    if (version !== null) return <span>{version}</span>;
    return <span className={classes.none}>{wide ? 'not known yet' : '–'}</span>;
  }
  const { icon: Icon, word, color, ...long } = VERSION_LOOK[state];
  // Of one that is too new only the version of before is known.
  const shown = state === 'too-new' ? null : version;
  const isDevelopment = handedOut.development && state === 'current' && version === handedOut.version;
  return (
    <span className={classes.mark} title={explain(runner, state, handedOut)} data-version-state={state}>
      {shown !== null && <span className={classes.version}>{shown}</span>}
      <span className={classes.state} style={{ color }}>
        <Icon size={15} stroke={2} aria-hidden />
        {wide && 'wide' in long ? long.wide : word}
      </span>
      {isDevelopment && (wide ? <Development /> : <DevelopmentIcon />)}
    </span>
  );
}

function Development() {
  return (
    <span className={classes.state}>
      <IconFlask size={15} aria-hidden />
      development build
    </span>
  );
}

function DevelopmentIcon() {
  return (
    <span role="img" aria-label="development build" className={classes.state}>
      <IconFlask size={14} aria-hidden />
    </span>
  );
}

function explain(
  runner: Props['runner'],
  state: keyof typeof VERSION_LOOK,
  { version, development }: HandedOut,
): string {
  const here = `${version}${development ? ' (a development build)' : ''} is handed out here.`;
  const others = new Set(runner.replicas.map((replica) => replica.version));
  others.delete(runner.version ?? '');
  const also = others.size === 0 ? '' : ` Other replicas have ${[...others].join(', ')}.`;
  if (state === 'current') return `Current: ${here}`;
  if (state === 'too-old') return `Too old: it was turned away. ${turnedAwayWords(runner)} ${here}`;
  if (state === 'too-new') {
    const before = runner.version === null ? '' : ` When it was connected last it had ${runner.version}.`;
    return `Newer than this coordinator: it was turned away. ${turnedAwayWords(runner)}${before} ${here}`;
  }
  return `${state === 'outdated' ? 'Outdated' : 'Newer'}: ${here}${also}`;
}
