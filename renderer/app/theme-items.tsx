import { Menu } from '@mantine/core';
import { IconCheck } from '@tabler/icons-react';
import { THEME_CHOICES, useThemeChoice } from './use-theme-choice.ts';

/** The themes as items of a menu. */
export function ThemeItems() {
  const { choice, choose } = useThemeChoice();
  return (
    <>
      <Menu.Label>Theme</Menu.Label>
      {THEME_CHOICES.map(({ value, label }) => (
        <Menu.Item
          key={value}
          role="menuitemradio"
          aria-checked={choice === value}
          rightSection={choice === value ? <IconCheck size={14} aria-hidden /> : null}
          onClick={() => choose(value)}
          closeMenuOnClick={false}
        >
          {label}
        </Menu.Item>
      ))}
    </>
  );
}
