import { Loader, Progress, Text, VisuallyHidden } from '@mantine/core';
import { IconCircle, IconCircleCheckFilled, IconCircleMinus, IconCircleXFilled } from '@tabler/icons-react';
import type { SshInstall, SshStep, SshStepName } from '../../../protocol/api/ssh-installs.ts';
import { byteSize } from '../../ui/byte-size.ts';
import classes from './ssh-steps.module.css';

const NAMES: Record<SshStepName, string> = {
  connect: 'Connect',
  'host-key': 'Host key',
  detect: 'Look at the host',
  upload: 'Upload',
  verify: 'Verify',
  install: 'Install',
  start: 'Start',
  clean: 'Clean up',
};
/** Where it is this computer that is looked at, and nothing goes over a wire. */
const NAMES_HERE: Record<SshStepName, string> = { ...NAMES, detect: 'This computer', upload: 'Copy' };
/** Steps that this computer does not need. */
const REMOTE_STEPS = new Set<SshStepName>(['connect', 'host-key']);
const WORDS: Record<SshStep['state'], string> = {
  waiting: 'not yet',
  running: 'now',
  done: 'done',
  failed: 'failed',
  left: 'left out',
};

/** The steps of an installation: what is done, what goes on, and how far. */
export function SshSteps({ where, steps }: Pick<SshInstall, 'where' | 'steps'>) {
  const isHere = where === 'here';
  const names = isHere ? NAMES_HERE : NAMES;
  return (
    <ol className={classes.steps} aria-label="Steps">
      {(isHere ? steps.filter(({ step }) => !REMOTE_STEPS.has(step)) : steps).map((step) => (
        <li key={step.step} className={classes.step} data-state={step.state}>
          <span className={classes.icon}>
            <StepIcon state={step.state} />
          </span>
          <span className={classes.name}>
            {names[step.step]}
            <VisuallyHidden>: {WORDS[step.state]}</VisuallyHidden>
          </span>
          <div className={classes.detail}>
            <Text size="xs" inherit component="span">
              {step.detail}
            </Text>
            {step.progress !== null && step.state === 'running' && <Bytes {...step.progress} />}
          </div>
        </li>
      ))}
    </ol>
  );
}

function Bytes({ done, total }: { done: number; total: number }) {
  return (
    <>
      <Progress value={total === 0 ? 100 : (100 * done) / total} aria-label="How far it is" my={2} />
      <Text size="xs" component="span">
        {byteSize(done)} of {byteSize(total)}
      </Text>
    </>
  );
}

function StepIcon({ state }: { state: SshStep['state'] }) {
  const icon = { size: 17, 'aria-hidden': true } as const;
  if (state === 'running') return <Loader size={14} aria-hidden />;
  if (state === 'done') return <IconCircleCheckFilled {...icon} />;
  if (state === 'failed') return <IconCircleXFilled {...icon} />;
  return state === 'left' ? <IconCircleMinus {...icon} /> : <IconCircle {...icon} />;
}
