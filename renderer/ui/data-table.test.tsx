import { useMemo, useState } from 'react';
import { expect, test } from 'vitest';
import { userEvent } from 'vitest/browser';
import { render } from 'vitest-browser-react';
import { type DataColumn, DataTable } from './data-table.tsx';
import { testPage } from './test-page.tsx';

interface Thing {
  readonly id: string;
  readonly name: string;
  readonly size: number | null;
}

const MANY = 10_000;

const columns: DataColumn<Thing>[] = [
  { id: 'name', header: 'Name', value: ({ name }) => name, cell: ({ name }) => <span>{name}</span> },
  { id: 'size', header: 'Size', value: ({ size }) => size, cell: ({ size }) => <span>{size ?? '–'}</span> },
];

function Things({ count, onOpen }: { count: number; onOpen?: (thing: Thing) => void }) {
  const rows = useMemo(
    () =>
      Array.from({ length: count }, (_, i): Thing => ({ id: `t${i}`, name: `web${i}`, size: i === 3 ? null : i % 7 })),
    [count],
  );
  const [sort, setSort] = useState('name');
  return (
    <DataTable
      label="Things"
      columns={columns}
      rows={rows}
      rowId={({ id }) => id}
      sort={sort}
      onSort={setSort}
      onOpen={onOpen}
    />
  );
}

const shownNames = (container: Element) =>
  [...container.querySelectorAll('tr[data-index] td:first-child')].map((cell) => cell.textContent);

test('of ten thousand rows only the visible ones are in the document, and the table says how many there are', async () => {
  const screen = await render(testPage(<Things count={MANY} />));
  await expect.element(screen.getByText('web0', { exact: true })).toBeVisible();
  expect(screen.container.querySelectorAll('tr[data-index]').length).toBeLessThan(40);
  await expect
    .element(screen.getByRole('table', { name: 'Things' }))
    .toHaveAttribute('aria-rowcount', String(MANY + 1));
});

test('numbers inside of names are sorted as numbers', async () => {
  const screen = await render(testPage(<Things count={12} />));
  await expect.element(screen.getByRole('cell', { name: 'web11' })).toBeInTheDocument();
  expect(shownNames(screen.container)).toEqual(Array.from({ length: 12 }, (_, i) => `web${i}`));
});

test('a heading sorts, sorts the other way round, and says so; what has no value stays last', async () => {
  const screen = await render(testPage(<Things count={8} />));
  const heading = screen.getByRole('columnheader', { name: 'Size' });
  await heading.getByRole('button').click();
  await expect.element(heading).toHaveAttribute('aria-sort', 'ascending');
  expect(shownNames(screen.container).at(-1)).toBe('web3');
  await heading.getByRole('button').click();
  await expect.element(heading).toHaveAttribute('aria-sort', 'descending');
  expect(shownNames(screen.container)[0]).toBe('web6');
  expect(shownNames(screen.container).at(-1)).toBe('web3');
});

test('End goes to the last of ten thousand rows, Home back, the arrows row by row, and Return opens', async () => {
  const opened: string[] = [];
  const screen = await render(testPage(<Things count={MANY} onOpen={({ name }) => opened.push(name)} />));
  await expect.element(screen.getByText('web0', { exact: true })).toBeVisible();
  const focused = () => document.activeElement?.querySelector('td')?.textContent;
  screen.container.querySelector<HTMLElement>('tr[data-index="0"]')?.focus();
  await userEvent.keyboard('{End}');
  await expect.poll(focused).toBe(`web${MANY - 1}`);
  await userEvent.keyboard('{ArrowUp}');
  await expect.poll(focused).toBe(`web${MANY - 2}`);
  await userEvent.keyboard('{Enter}');
  expect(opened).toEqual([`web${MANY - 2}`]);
  await userEvent.keyboard('{Home}');
  await expect.poll(focused).toBe('web0');
});

test('exactly one row is reached with Tab', async () => {
  const screen = await render(testPage(<Things count={MANY} />));
  await expect.element(screen.getByText('web0', { exact: true })).toBeVisible();
  expect(screen.container.querySelectorAll('tr[tabindex="0"]')).toHaveLength(1);
});
