import { Code } from '@mantine/core';

/** A text in which a command stands between backticks. */
export function Meaning({ text }: { text: string }) {
  // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text do not change their order
  return text.split('`').map((part, at) => (at % 2 === 1 ? <Code key={at}>{part}</Code> : part));
}
