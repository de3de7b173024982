import type { Rectangle } from 'electron';
import { z } from 'zod';

const BoundsSchema = z.object({
  x: z.number().int(),
  y: z.number().int(),
  width: z.number().int(),
  height: z.number().int(),
});

/** How the window was left: in the settings file. */
export const WindowStateSchema = z.object({
  bounds: z.union([BoundsSchema, BoundsSchema.pick({ width: true, height: true })]),
  maximized: z.boolean(),
});
export type WindowState = z.infer<typeof WindowStateSchema>;

export const FIRST_WINDOW: WindowState = { bounds: { width: 1280, height: 840 }, maximized: false };

/** Of the title bar, this much must be inside a display, or nobody can catch the window. */
const REACHABLE = 60;

/**
 * The state in which the window opens. A place on a display that is gone, or smaller now, is given up or pulled in: the
 * window keeps at least `minimum` and at most the work area it opens on. `workAreas`: the primary display first.
 */
export function clampWindowState(
  saved: WindowState | undefined,
  workAreas: readonly Rectangle[],
  minimum: { width: number; height: number },
): WindowState {
  const state = saved ?? FIRST_WINDOW;
  const { bounds } = state;
  const sizeOn = (area: Rectangle | undefined) => ({
    width: Math.max(minimum.width, Math.min(bounds.width, area?.width ?? 0)),
    height: Math.max(minimum.height, Math.min(bounds.height, area?.height ?? 0)),
  });
  if ('x' in bounds) {
    for (const area of workAreas) {
      const there = { x: bounds.x, y: bounds.y, ...sizeOn(area) };
      if (titleBarIsReachable(there, area)) return { ...state, bounds: there };
    }
  }
  // Without a place, the system centres it.
  return { ...state, bounds: sizeOn(workAreas[0]) };
}

function titleBarIsReachable(bounds: Rectangle, area: Rectangle): boolean {
  const visible = Math.min(bounds.x + bounds.width, area.x + area.width) - Math.max(bounds.x, area.x);
  return visible >= REACHABLE && bounds.y >= area.y && bounds.y + REACHABLE <= area.y + area.height;
}
