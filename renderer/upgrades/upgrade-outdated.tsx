import { IconCircleArrowUp } from '@tabler/icons-react';
import { useMemo } from 'react';
import type { Runner } from '../../protocol/api/runners.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { useDialog } from '../ui/use-dialog.ts';
import { runnerVersionState } from './runner-version.ts';
import { UpgradeDialog } from './upgrade-dialog.tsx';
import { useHandedOut } from './use-handed-out.ts';

interface Props {
  readonly runners: readonly Runner[];
  /** The filter of the list: only what is shown is upgraded. */
  readonly show: (runner: Runner) => boolean;
}

/** One button for all outdated Runners that a list shows; nothing when there are none. */
export function UpgradeOutdated({ runners, show }: Props) {
  const { version } = useHandedOut();
  const dialog = useDialog<'upgrade'>();
  const all = useMemo(
    () => runners.filter((runner) => runnerVersionState(runner, version) === 'outdated'),
    [runners, version],
  );
  const outdated = useMemo(() => all.filter(show), [all, show]);
  if (outdated.length === 0 && dialog.name === null) return null;
  return (
    <>
      <ActionButton
        variant="default"
        leftSection={<IconCircleArrowUp size={15} aria-hidden />}
        onClick={() => dialog.open('upgrade')}
      >
        {outdated.length === 1
          ? 'Upgrade the outdated one…'
          : `Upgrade all ${outdated.length.toLocaleString()} outdated…`}
      </ActionButton>
      <UpgradeDialog runners={outdated} opened={dialog.name === 'upgrade'} onClose={dialog.close} />
    </>
  );
}
