import { notifications } from '@mantine/notifications';
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react';
import { asOutrunnerError } from '../api/coordinator-error.ts';

/** Says that an action of one's own worked. */
export function toastDone(message: string): void {
  notifications.show({ message, color: 'green', icon: <IconCheck size={18} aria-hidden />, autoClose: 5000 });
}

/** Says that an action of one's own failed, and what to do. Stays until it is closed. */
export function toastProblem(what: string, error: unknown): void {
  const problem = asOutrunnerError(error);
  notifications.show({
    title: what,
    message: `${problem.message} ${problem.todo}`,
    color: 'red',
    icon: <IconAlertTriangle size={18} aria-hidden />,
    autoClose: false,
  });
}
