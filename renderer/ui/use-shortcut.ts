import { useEffect, useEffectEvent } from 'react';

/** Whether keys typed now belong to a field. */
function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/**
 * Calls `act` when a key is pressed anywhere on the page. `mod+x` is Ctrl or Cmd with x; a plain key (`/`, `n`) is left
 * alone while a field has the focus or a dialog is open.
 */
export function useShortcut(keys: string, act: () => void): void {
  const run = useEffectEvent(act);
  useEffect(() => {
    const wanted = keys.toLowerCase().split('+');
    const key = wanted.at(-1);
    const mod = wanted.includes('mod');
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || event.altKey) return;
      if ((event.ctrlKey || event.metaKey) !== mod || event.key.toLowerCase() !== key) return;
      if (!mod && (isTyping(event.target) || document.querySelector('[role="dialog"]'))) return;
      event.preventDefault();
      run();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [keys]);
}
