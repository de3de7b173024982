import { useState } from 'react';
import { expect, test } from 'vitest';
import { userEvent } from 'vitest/browser';
import { render } from 'vitest-browser-react';
import { TagInput } from './tag-input.tsx';
import { testPage } from './test-page.tsx';

function Field({ start = [] as string[], suggestions = [] as string[] }) {
  const [tags, setTags] = useState(start);
  return (
    <>
      <TagInput label="Tags" value={tags} onChange={setTags} suggestions={suggestions} />
      <output>{JSON.stringify(tags)}</output>
    </>
  );
}

async function field(props: Parameters<typeof Field>[0] = {}) {
  const screen = await render(testPage(<Field {...props} />));
  const input = screen.getByRole('combobox', { name: 'Tags' });
  await input.click();
  return { screen, tags: screen.getByRole('status') };
}

test.each([
  ['Return', 'linux{Enter}'],
  ['a comma', 'linux,'],
  ['a semicolon', 'linux;'],
  ['a space', 'linux '],
])('%s ends a tag', async (_what, keys) => {
  const { tags } = await field();
  await userEvent.keyboard(keys);
  await expect.element(tags).toHaveTextContent('["linux"]');
});

test('a tag that is there in another case is refused, and the field says so', async () => {
  const { screen, tags } = await field({ start: ['Linux'] });
  await userEvent.keyboard('linux,');
  await expect.element(screen.getByText('The tag “linux” is there already.')).toBeVisible();
  await expect.element(tags).toHaveTextContent('["Linux"]');
});

test('a tag is shown as it was typed', async () => {
  const { tags } = await field();
  await userEvent.keyboard('DMZ ');
  await expect.element(tags).toHaveTextContent('["DMZ"]');
});

test('Backspace in the empty field takes the last tag back', async () => {
  const { tags } = await field({ start: ['linux', 'dmz'] });
  await userEvent.keyboard('{Backspace}');
  await expect.element(tags).toHaveTextContent('["linux"]');
});

test('existing tags are suggested while typing, except those that are there', async () => {
  const { screen, tags } = await field({ start: ['dmz'], suggestions: ['dmz', 'dmz-berlin', 'linux'] });
  await userEvent.keyboard('dm');
  await expect.element(screen.getByRole('option', { name: 'dmz-berlin' })).toBeVisible();
  expect(screen.getByRole('option').elements()).toHaveLength(1);
  await userEvent.keyboard('{ArrowDown}{Enter}');
  await expect.element(tags).toHaveTextContent('["dmz","dmz-berlin"]');
});

test('pasted lines become tags', async () => {
  const { screen, tags } = await field();
  const input = screen.getByRole('combobox', { name: 'Tags' }).element();
  const data = new DataTransfer();
  data.setData('text', 'linux\ndmz; berlin');
  input.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
  await expect.element(tags).toHaveTextContent('["linux","dmz","berlin"]');
});
