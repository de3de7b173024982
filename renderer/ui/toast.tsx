import { notifications } from '@mantine/notifications';
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react';
import { PROBLEMS } from '../../protocol/problems.ts';
import { asOutrunnerError, CoordinatorError } from '../api/coordinator-error.ts';

/** Says that an action of one's own worked. */
export function toastDone(message: string): void {
  notifications.show({ message, color: 'green', icon: <IconCheck size={18} aria-hidden />, autoClose: 5000 });
}

/** Says that an action of one's own failed, and what to do. Stays until it is closed. */
export function toastProblem(what: string, error: unknown): void {
  const problem = asOutrunnerError(error);
  const title = problem instanceof CoordinatorError ? problem.problem.title : PROBLEMS[problem.code].title;
  const reason = problem.message === title ? problem.message : `${problem.message}`;
  notifications.show({
    title: what,
    message: `${reason} ${problem.todo}`,
    color: 'red',
    icon: <IconAlertTriangle size={18} aria-hidden />,
    autoClose: false,
  });
}
