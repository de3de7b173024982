import { useDebouncedCallback } from '@mantine/hooks';
import { useState } from 'react';

const TYPING_PAUSE_MS = 250;

/**
 * A search field whose text also stands in the address: what is typed counts at once, the address follows when the typing
 * pauses, and when the address changes by itself (Back, a link) the field follows it.
 */
export function useSearchText(inAddress: string, commit: (text: string) => void): [string, (text: string) => void] {
  const [text, setText] = useState(inAddress);
  const [known, setKnown] = useState(inAddress);
  if (known !== inAddress) {
    setKnown(inAddress);
    if (inAddress !== text.trim()) setText(inAddress);
  }
  const later = useDebouncedCallback((typed: string) => commit(typed.trim()), TYPING_PAUSE_MS);
  const type = (typed: string) => {
    setText(typed);
    later(typed);
  };
  return [text, type];
}
