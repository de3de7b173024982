import { Text } from '@mantine/core';
import { IconFlask, IconRosetteDiscountCheck, IconShieldQuestion } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { Package } from '../../../protocol/api/packages.ts';
import { Meaning } from './meaning.tsx';
import classes from './signature-note.module.css';
import { DEVELOPMENT_KEY, type SignatureWords, signatureWords } from './signature-words.ts';

const LOOK: Readonly<Record<SignatureWords['sign'], { icon: ReactNode; color: string }>> = {
  good: { icon: <IconRosetteDiscountCheck size={18} aria-hidden />, color: 'var(--outrunner-good)' },
  plain: { icon: <IconShieldQuestion size={18} aria-hidden />, color: 'var(--outrunner-quiet)' },
  asks: { icon: <IconShieldQuestion size={18} aria-hidden />, color: 'var(--outrunner-warn)' },
};

interface Props {
  readonly chosen: Package;
  /** The release is signed with a development key. */
  readonly development: boolean;
}

/** What the system of the host will say to the executable, and whether it is a release at all. */
export function SignatureNote({ chosen, development }: Props) {
  const { executable, platform } = chosen;
  if (executable === null) return null;
  return (
    <ul className={classes.notes} aria-label="Signatures">
      <SignatureLine words={signatureWords(platform, executable.platformSignature)} />
      {development && (
        <Line icon={<IconFlask size={18} aria-hidden />} color="var(--outrunner-warn)" title="Development build">
          {DEVELOPMENT_KEY}
        </Line>
      )}
    </ul>
  );
}

function SignatureLine({ words: { sign, title, meaning } }: { words: SignatureWords }) {
  return (
    <Line {...LOOK[sign]} title={title}>
      <Meaning text={meaning} />
    </Line>
  );
}

function Line({
  icon,
  color,
  title,
  children,
}: {
  icon: ReactNode;
  color: string;
  title: string;
  children: ReactNode;
}) {
  return (
    <li className={classes.note}>
      <span className={classes.icon} style={{ color }}>
        {icon}
      </span>
      <Text size="sm">
        <b>{title}.</b> <span className={classes.meaning}>{children}</span>
      </Text>
    </li>
  );
}
