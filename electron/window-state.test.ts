import fc from 'fast-check';
import { expect, it } from 'vitest';
import { clampWindowState, FIRST_WINDOW, WindowStateSchema } from './window-state.ts';

const MINIMUM = { width: 1024, height: 700 };
const PRIMARY = { x: 0, y: 25, width: 1920, height: 1055 };
const SECOND = { x: 1920, y: 0, width: 2560, height: 1400 };

it('opens where it was left, when that place is still there', () => {
  const saved = { bounds: { x: 2000, y: 40, width: 1300, height: 900 }, maximized: true };
  expect(clampWindowState(saved, [PRIMARY, SECOND], MINIMUM)).toEqual(saved);
});

it('lets the system place the window when its display is gone', () => {
  const saved = { bounds: { x: 2000, y: 40, width: 1300, height: 900 }, maximized: false };
  expect(clampWindowState(saved, [PRIMARY], MINIMUM).bounds).toEqual({ width: 1300, height: 900 });
});

it('pulls a window in that is larger than the display, and opens the first time in the usual size', () => {
  const saved = { bounds: { x: 0, y: 25, width: 5000, height: 3000 }, maximized: false };
  expect(clampWindowState(saved, [PRIMARY], MINIMUM).bounds).toEqual({ x: 0, y: 25, width: 1920, height: 1055 });
  expect(clampWindowState(undefined, [PRIMARY], MINIMUM)).toEqual(FIRST_WINDOW);
  expect(clampWindowState(undefined, [], MINIMUM).bounds).toEqual(MINIMUM);
});

it('always yields a state whose title bar can be caught, not smaller than the minimum', () => {
  const rectangle = fc.record({
    x: fc.integer({ min: -9000, max: 9000 }),
    y: fc.integer({ min: -9000, max: 9000 }),
    width: fc.integer({ min: 1, max: 9000 }),
    height: fc.integer({ min: 1, max: 9000 }),
  });
  const area = fc.record({
    x: fc.integer({ min: -4000, max: 4000 }),
    y: fc.integer({ min: -4000, max: 4000 }),
    width: fc.integer({ min: 1024, max: 4000 }),
    height: fc.integer({ min: 700, max: 3000 }),
  });
  fc.assert(
    fc.property(rectangle, fc.array(area, { minLength: 1, maxLength: 3 }), fc.boolean(), (bounds, areas, maximized) => {
      const state = clampWindowState({ bounds, maximized }, areas, MINIMUM);
      expect(WindowStateSchema.safeParse(state).success).toBe(true);
      expect(state.bounds.width).toBeGreaterThanOrEqual(1024);
      expect(state.bounds.height).toBeGreaterThanOrEqual(700);
      if (!('x' in state.bounds)) return;
      const { x, y, width } = state.bounds;
      expect(
        areas.some((a) => y >= a.y && y < a.y + a.height && x < a.x + a.width && x + width > a.x),
        'on a display',
      ).toBe(true);
    }),
  );
});
