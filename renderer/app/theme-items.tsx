import { Menu } from '@mantine/core';
import { THEME_CHOICES, useThemeChoice } from './use-theme-choice.ts';

/** The themes as items of a menu. */
export function ThemeItems() {
  const { choice, choose } = useThemeChoice();
  return (
    <Menu.RadioGroup
      value={choice}
      onChange={(value) => {
        const theme = THEME_CHOICES.find((one) => one.value === value);
        if (theme) choose(theme.value);
      }}
      aria-label="Theme"
    >
      {THEME_CHOICES.map(({ value, label }) => (
        <Menu.RadioItem key={value} value={value}>
          {label}
        </Menu.RadioItem>
      ))}
    </Menu.RadioGroup>
  );
}
