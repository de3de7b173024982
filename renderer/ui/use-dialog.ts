import { useState } from 'react';

/** Which of several dialogs is open, if any. */
export function useDialog<Name extends string>() {
  const [name, setName] = useState<Name | null>(null);
  return { name, open: setName, close: () => setName(null) };
}
