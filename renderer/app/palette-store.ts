import { createSpotlight } from '@mantine/spotlight';

/** The command palette: its state, and how to open and close it. */
export const [paletteStore, palette] = createSpotlight();
