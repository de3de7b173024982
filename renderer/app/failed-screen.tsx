import type { ErrorComponentProps } from '@tanstack/react-router';
import { ProblemAlert } from '../ui/problem-alert.tsx';

/** For a screen that could not be loaded or drawn; the frame around it stays. */
export function FailedScreen({ error, reset }: ErrorComponentProps) {
  return <ProblemAlert error={error} onRetry={reset} />;
}
