import { Menu } from '@mantine/core';
import {
  IconCircleArrowUp,
  IconDotsVertical,
  IconDownload,
  IconEdit,
  IconExternalLink,
  IconKey,
  IconPlayerPause,
  IconPlayerPlay,
  IconServerBolt,
  IconStackPop,
  IconTrash,
  IconUnlink,
  IconWifi,
} from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type ComponentPropsWithRef, useState } from 'react';
import type { Runner } from '../../protocol/api/runners.ts';
import { runnerMutations } from '../api/runner-queries.ts';
import { useBlocked } from '../api/use-blocked.ts';
import { toastDone, toastProblem } from '../ui/toast.tsx';
import { useDialog } from '../ui/use-dialog.ts';
import classes from './runner-actions.module.css';
import { type RunnerDialog, RunnerDialogs } from './runner-dialogs.tsx';
import { usePing } from './use-ping.ts';

interface Props {
  readonly runner: Runner;
  /** The list belongs to this project: then a Runner can be taken out of it. */
  readonly project?: string | null;
  /** After the Runner is gone. */
  readonly onDeleted?: () => void;
  /** On the Runner's own page there is nothing to open. */
  readonly withOpen?: boolean;
}

/**
 * The menu of what can be done to a Runner. A list has one per row: all but the button is made when it is first used, so
 * that scrolling stays cheap.
 */
export function RunnerActions(props: Props) {
  const [used, setUsed] = useState(false);
  return used ? <UsedActions {...props} /> : <MenuButton runner={props.runner} onClick={() => setUsed(true)} />;
}

function MenuButton({ runner, ...button }: { runner: Runner } & ComponentPropsWithRef<'button'>) {
  return (
    <button
      type="button"
      className={classes.menu}
      {...button}
      aria-label={`Actions of ${runner.name}`}
      aria-haspopup="menu"
    >
      <IconDotsVertical size={17} aria-hidden />
    </button>
  );
}

function UsedActions({ runner, project = null, onDeleted, withOpen = true }: Props) {
  const navigate = useNavigate();
  const blocked = useBlocked('manage');
  const cannotRead = useBlocked('read');
  const dialog = useDialog<RunnerDialog>();
  const ping = usePing(runner);
  const update = useMutation(runnerMutations.update());
  const setMode = useMutation(runnerMutations.setMode());

  const resume = () =>
    setMode.mutate(
      { id: runner.id, mode: 'active' },
      {
        onSuccess: () => toastDone(`${runner.name} takes work again`),
        onError: (error) => toastProblem(`${runner.name} could not be resumed`, error),
      },
    );
  const leaveProject = () =>
    update.mutate(
      { id: runner.id, change: { projects: runner.projects.filter((one) => one.project !== project) } },
      {
        onSuccess: () => toastDone(`${runner.name} was removed from ${project}`),
        onError: (error) => toastProblem(`${runner.name} could not be removed from ${project}`, error),
      },
    );

  const icon = { size: 16, stroke: 1.7, 'aria-hidden': true } as const;
  return (
    <>
      <Menu position="bottom-end" defaultOpened>
        <Menu.Target>
          <MenuButton runner={runner} />
        </Menu.Target>
        <Menu.Dropdown>
          {withOpen && (
            <Menu.Item
              leftSection={<IconExternalLink {...icon} />}
              onClick={() => void navigate({ to: '/runners/$id', params: { id: runner.id } })}
            >
              Open
            </Menu.Item>
          )}
          <Menu.Item
            leftSection={<IconEdit {...icon} />}
            disabled={blocked !== null}
            onClick={() => dialog.open('edit')}
          >
            Edit
          </Menu.Item>
          <Menu.Item leftSection={<IconWifi {...icon} />} disabled={cannotRead !== null} onClick={ping.start}>
            Ping
          </Menu.Item>
          <Menu.Item
            leftSection={<IconDownload {...icon} />}
            disabled={blocked !== null}
            onClick={() => dialog.open('download')}
          >
            Download
          </Menu.Item>
          <Menu.Item
            leftSection={<IconServerBolt {...icon} />}
            disabled={blocked !== null}
            onClick={() => dialog.open('ssh-install')}
          >
            Install over SSH…
          </Menu.Item>
          <Menu.Item
            leftSection={<IconKey {...icon} />}
            disabled={blocked !== null}
            onClick={() => dialog.open('regenerate')}
          >
            Regenerate credentials
          </Menu.Item>
          <Menu.Divider />
          {runner.mode !== 'active' && (
            <Menu.Item leftSection={<IconPlayerPlay {...icon} />} disabled={blocked !== null} onClick={resume}>
              Resume
            </Menu.Item>
          )}
          {runner.mode !== 'paused' && (
            <Menu.Item
              leftSection={<IconPlayerPause {...icon} />}
              disabled={blocked !== null}
              onClick={() => dialog.open('pause')}
            >
              Pause
            </Menu.Item>
          )}
          {runner.mode !== 'draining' && (
            <Menu.Item
              leftSection={<IconStackPop {...icon} />}
              disabled={blocked !== null}
              onClick={() => dialog.open('drain')}
            >
              Drain
            </Menu.Item>
          )}
          {runner.replicas.length > 0 && (
            <Menu.Item
              leftSection={<IconCircleArrowUp {...icon} />}
              disabled={blocked !== null}
              onClick={() => dialog.open('upgrade')}
            >
              Upgrade…
            </Menu.Item>
          )}
          <Menu.Divider />
          {project !== null && (
            <Menu.Item leftSection={<IconUnlink {...icon} />} disabled={blocked !== null} onClick={leaveProject}>
              Remove from project
            </Menu.Item>
          )}
          <Menu.Item
            c="var(--mantine-color-error)"
            leftSection={<IconTrash {...icon} />}
            disabled={blocked !== null}
            onClick={() => dialog.open('delete')}
          >
            Delete
          </Menu.Item>
          {blocked !== null && <Menu.Label maw={260}>{blocked}</Menu.Label>}
        </Menu.Dropdown>
      </Menu>
      <RunnerDialogs runner={runner} open={dialog.name} onClose={dialog.close} onDeleted={onDeleted} />
    </>
  );
}
