import { useMantineColorScheme } from '@mantine/core';
import { useHost } from '../host/host-context.tsx';
import { toastProblem } from '../ui/toast.tsx';

export type ThemeChoice = 'light' | 'dark' | 'auto';

export const THEME_CHOICES = [
  { value: 'auto', label: 'As the system' },
  { value: 'light', label: 'Light' },
  { value: 'dark', label: 'Dark' },
] as const satisfies readonly { value: ThemeChoice; label: string }[];

/** The chosen theme, kept on this computer, and how to choose another; the window around the page follows. */
export function useThemeChoice(): { choice: ThemeChoice; choose: (theme: ThemeChoice) => void } {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const host = useHost();
  return {
    choice: colorScheme,
    choose(theme) {
      setColorScheme(theme);
      host.setTheme(theme).catch((error: unknown) => toastProblem('The window did not take the theme', error));
    },
  };
}
