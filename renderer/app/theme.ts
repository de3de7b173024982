import {
  ActionIcon,
  Alert,
  Badge,
  Button,
  type CSSVariablesResolver,
  createTheme,
  Drawer,
  Input,
  type MantineColorsTuple,
  Menu,
  Modal,
  Notification,
  NumberInput,
  Paper,
  Select,
  Switch,
  Table,
  Tabs,
  TagsInput,
  Textarea,
  TextInput,
  Tooltip,
} from '@mantine/core';

/** A quiet blue that carries white text with more than 4.5 : 1 from shade 6 on. */
const ink: MantineColorsTuple = [
  '#eef3fb',
  '#d9e3f4',
  '#b2c6e8',
  '#87a6dc',
  '#648cd2',
  '#4d7bcc',
  '#2f62b8',
  '#2756a6',
  '#1f4a92',
  '#143d7d',
];

/** The green of Next and of what completes: carries white text with more than 4.5 : 1 from shade 6 on. */
const go: MantineColorsTuple = [
  '#edf8ef',
  '#d6eedb',
  '#aadcb4',
  '#7bc98b',
  '#52b167',
  '#33934a',
  '#1f7a36',
  '#196a2e',
  '#145a26',
  '#0e491e',
];

/** Mantine's greys of the dark theme, from text to the deepest ground, with a little of the ink in them. */
const dark: MantineColorsTuple = [
  '#e2e6ec',
  '#c3cad4',
  '#a5afbd',
  '#7d8898',
  '#414a58',
  '#343b47',
  '#222833',
  '#1b1f26',
  '#171a20',
  '#14171c',
];

const small = { size: 'sm' } as const;

/** Calm and dense: small type, little rounding, one accent. The colours of both themes are in `app.css`. */
export const theme = createTheme({
  primaryColor: 'ink',
  primaryShade: { light: 6, dark: 6 },
  colors: { ink, dark, go },
  autoContrast: false,
  defaultRadius: 'sm',
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontFamily: "'Inter', system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace",
  fontSizes: { xs: '0.75rem', sm: '0.84375rem', md: '0.9375rem', lg: '1.0625rem', xl: '1.25rem' },
  headings: {
    fontWeight: '650',
    sizes: {
      h1: { fontSize: '1.5rem', lineHeight: '1.3' },
      h2: { fontSize: '1.3125rem', lineHeight: '1.35' },
      h3: { fontSize: '1.0625rem', lineHeight: '1.4' },
      h4: { fontSize: '0.9375rem', lineHeight: '1.45' },
    },
  },
  components: {
    Button: Button.extend({ defaultProps: { ...small } }),
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: 'subtle', color: 'gray', size: 28 } }),
    TextInput: TextInput.extend({ defaultProps: small }),
    Textarea: Textarea.extend({ defaultProps: small }),
    NumberInput: NumberInput.extend({ defaultProps: small }),
    Select: Select.extend({ defaultProps: { ...small, allowDeselect: false, checkIconPosition: 'right' } }),
    // Empty as high as the fields beside it: its own line is a little higher than theirs.
    TagsInput: TagsInput.extend({ defaultProps: small, styles: { inputField: { height: 19 } } }),
    Switch: Switch.extend({ defaultProps: small }),
    Tabs: Tabs.extend({ defaultProps: { keepMounted: false } }),
    Menu: Menu.extend({
      defaultProps: {
        shadow: 'md',
        transitionProps: { duration: 80 },
        // A menu may hold nothing but its items; the first of them gets the focus.
        withInitialFocusPlaceholder: false,
      },
    }),
    Modal: Modal.extend({
      // The page itself never scrolls; and the library that would lock it writes styles that the page's policy forbids.
      defaultProps: {
        lockScroll: false,
        closeButtonProps: { 'aria-label': 'Close' },
        // Its heading is no banner of the page.
        attributes: { header: { role: 'presentation' } },
        centered: true,
        overlayProps: { backgroundOpacity: 0.45 },
        transitionProps: { duration: 100 },
      },
    }),
    Drawer: Drawer.extend({
      defaultProps: {
        lockScroll: false,
        closeButtonProps: { 'aria-label': 'Close' },
        transitionProps: { duration: 100 },
      },
    }),
    Notification: Notification.extend({ defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } }),
    Paper: Paper.extend({ defaultProps: { radius: 'md' } }),
    Table: Table.extend({ defaultProps: { verticalSpacing: 6, horizontalSpacing: 10, fz: 'sm' } }),
    Badge: Badge.extend({ defaultProps: { radius: 'sm', tt: 'none', fw: 600 } }),
    Alert: Alert.extend({
      defaultProps: { radius: 'md' },
      vars: (_theme, { color = 'ink' }) => ({ root: { '--alert-tint': `var(--mantine-color-${color}-6)` } as object }),
    }),
    Tooltip: Tooltip.extend({
      defaultProps: { openDelay: 250, withArrow: true, events: { hover: true, focus: true, touch: true } },
    }),
    InputWrapper: Input.Wrapper.extend({
      defaultProps: { inputWrapperOrder: ['label', 'description', 'input', 'error'] },
    }),
  },
});

/** Text colours that keep 4.5 : 1 on the surfaces of both themes, where Mantine's own do not. */
export const themeVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-text': '#1c222b',
    '--mantine-color-dimmed': '#515a68',
    '--mantine-color-placeholder': '#697281',
    '--mantine-color-error': '#b91c1c',
    '--mantine-color-default-border': '#c9ced7',
  },
  dark: {
    '--mantine-color-dimmed': '#a5afbd',
    '--mantine-color-placeholder': '#8a94a3',
    '--mantine-color-anchor': '#8ab4f8',
    '--mantine-color-error': '#ff8a8a',
    '--mantine-color-default-hover': '#2a313d',
  },
});
