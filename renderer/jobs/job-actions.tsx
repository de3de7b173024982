import { ActionIcon, Menu } from '@mantine/core';
import { IconCopy, IconDotsVertical, IconEdit, IconTrash } from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { Job } from '../../protocol/api/jobs.ts';
import { useBlocked } from '../api/use-blocked.ts';
import { DeleteJobDialog } from './delete-job-dialog.tsx';

/** The menu of what can be done to a job besides running it. */
export function JobActions({ job, onDeleted }: { job: Job; onDeleted?: () => void }) {
  const navigate = useNavigate();
  const blocked = useBlocked('manage');
  const [deleting, setDeleting] = useState(false);
  const { project, id } = job;
  const item = { disabled: blocked !== null, title: blocked ?? undefined };
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon aria-label={`Actions of ${job.name}`}>
            <IconDotsVertical size={17} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            {...item}
            leftSection={<IconEdit size={15} aria-hidden />}
            onClick={() => void navigate({ to: '/projects/$project/jobs/$id/edit', params: { project, id } })}
          >
            Edit
          </Menu.Item>
          <Menu.Item
            {...item}
            leftSection={<IconCopy size={15} aria-hidden />}
            onClick={() =>
              void navigate({ to: '/projects/$project/jobs/new', params: { project }, search: { from: id } })
            }
          >
            Duplicate
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item
            {...item}
            color="red"
            leftSection={<IconTrash size={15} aria-hidden />}
            onClick={() => setDeleting(true)}
          >
            Delete
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <DeleteJobDialog job={job} opened={deleting} onClose={() => setDeleting(false)} onDeleted={onDeleted} />
    </>
  );
}
