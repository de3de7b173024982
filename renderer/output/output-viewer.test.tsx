import axe from 'axe-core';
import { type ReactElement, useState } from 'react';
import { afterEach, describe, expect, test } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { render } from 'vitest-browser-react';
import { systemClock } from '../../protocol/clock.ts';
import { testPage } from '../ui/test-page.tsx';
import { OutputSession } from './output-session.ts';
import { outputSettings } from './output-settings.ts';
import { OutputViewer } from './output-viewer.tsx';
import { SampleJournal } from './sample-journal.ts';

const sessions: OutputSession[] = [];
afterEach(() => {
  for (const session of sessions.splice(0)) session.stop();
  outputSettings.setState({ wrap: false, timestamps: false });
});

/** A session whose stream is fed by the test. */
function feed() {
  let controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  const body = new ReadableStream<Uint8Array>({
    start(made) {
      controller = made;
    },
  });
  const session = new OutputSession({
    clock: systemClock(),
    random: () => 0,
    hasEnded: () => false,
    open: () => Promise.resolve(body),
  });
  sessions.push(session);
  return {
    session,
    send: (journal: SampleJournal) => controller?.enqueue(journal.take()),
  };
}

function Viewer({ session }: { session: OutputSession }) {
  const [step, setStep] = useState<number | null>(null);
  const steps = [
    { index: 0, label: 'Look around' },
    { index: 1, label: 'Clean up' },
  ];
  return (
    <main>
      <div style={{ height: 500, width: 900, display: 'grid' }}>
        <OutputViewer
          session={session}
          executionId="00000000-0000-4000-8000-000000000000"
          name="welcome-7"
          bytes={1234}
          steps={steps}
          step={step}
          onStep={setStep}
          nothing="Nothing was printed yet."
        />
      </div>
    </main>
  );
}

/** Draws it, and waits until it stands: under load a render is spread over several turns. */
async function show(viewer: ReactElement): Promise<void> {
  await render(testPage(viewer));
  await expect.element(page.getByRole('log')).toBeInTheDocument();
}

const log = () => page.getByRole('log').element() as HTMLElement;
const rows = () => [...log().querySelectorAll<HTMLElement>('[data-line]')];
/** Rows that the person sees, not only those in the document. */
function visibleText(): string[] {
  const frame = log().getBoundingClientRect();
  return rows()
    .filter((row) => {
      const { top, bottom } = row.getBoundingClientRect();
      return top >= frame.top - 1 && bottom <= frame.bottom + 1;
    })
    .map((row) => row.textContent ?? '');
}
const atEnd = () => log().scrollHeight - log().scrollTop - log().clientHeight < 2;
const frames = (count: number) =>
  new Promise<void>((resolve) => {
    const step = (left: number) => (left === 0 ? resolve() : requestAnimationFrame(() => step(left - 1)));
    step(count);
  });

describe('the log viewer', () => {
  test('says what stands there while nothing was printed', async () => {
    const { session } = feed();
    await show(<Viewer session={session} />);
    await expect.element(page.getByText('Nothing was printed yet.')).toBeVisible();
  });

  test('shows lines as they come, in their colours, with stderr and steps marked in words', async () => {
    const { session, send } = feed();
    await show(<Viewer session={session} />);
    const journal = new SampleJournal()
      .stepStarted(0, 'Look around')
      .print('\u001b[1;31mred\u001b[0m <b>not bold</b>\n');
    send(journal.print('oops\n', 0, 'stderr').stepFinished(0, 3));
    await expect.element(page.getByText('red')).toBeVisible();
    expect(getComputedStyle(page.getByText('red').element()).fontWeight).toBe('700');
    expect(log().querySelector('b')).toBeNull();
    expect(visibleText()).toEqual([
      '▸Step 1: Look around (sh)',
      'red <b>not bold</b>',
      'erroops',
      '✗Step 1 failed · exit code 3 · 3 ms',
    ]);
  });

  test('a line that is not finished is shown, and changes in place', async () => {
    const { session, send } = feed();
    await show(<Viewer session={session} />);
    const journal = new SampleJournal();
    send(journal.print('progress 10%'));
    await expect.element(page.getByText('progress 10%')).toBeVisible();
    send(journal.print('\rprogress 90%'));
    await expect.element(page.getByText('progress 90%')).toBeVisible();
    expect(rows()).toHaveLength(1);
  });

  test('follows the end, stops when the person scrolls up, and goes on at “Jump to end”', async () => {
    const { session, send } = feed();
    await show(<Viewer session={session} />);
    const journal = new SampleJournal();
    const print = (from: number, count: number) => {
      for (let line = from; line < from + count; line++) journal.print(`line ${line}\n`);
      send(journal);
    };
    print(0, 500);
    await expect.element(page.getByText('line 499', { exact: true })).toBeVisible();
    expect(atEnd()).toBe(true);

    log().scrollTop -= 600;
    await expect.element(page.getByRole('button', { name: 'Jump to end' })).toBeVisible();
    const seen = visibleText();
    print(500, 500);
    await expect.element(page.getByText('1,000 lines', { exact: false })).toBeVisible();
    await frames(3);
    expect(visibleText()).toEqual(seen);

    await page.getByRole('button', { name: 'Jump to end' }).click();
    await expect.element(page.getByText('line 999', { exact: true })).toBeVisible();
    print(1000, 300);
    await expect.element(page.getByText('line 1299', { exact: true })).toBeVisible();
    expect(atEnd()).toBe(true);
  });

  test('the keyboard scrolls, and Pause holds the view', async () => {
    const { session, send } = feed();
    await show(<Viewer session={session} />);
    const journal = new SampleJournal();
    for (let line = 0; line < 400; line++) journal.print(`line ${line}\n`);
    send(journal);
    await expect.element(page.getByText('line 399', { exact: true })).toBeVisible();
    log().focus();
    await userEvent.keyboard('{Home}');
    await expect.element(page.getByText('line 0', { exact: true })).toBeVisible();
    await expect.element(page.getByRole('button', { name: 'Follow' })).toBeVisible();
    await userEvent.keyboard('{End}');
    await expect.element(page.getByRole('button', { name: 'Pause' })).toBeVisible();
  });

  test('searches: count, next, previous, and the match comes into sight', async () => {
    const { session, send } = feed();
    await show(<Viewer session={session} />);
    const journal = new SampleJournal();
    for (let line = 0; line < 5000; line++) journal.print(line % 1000 === 7 ? `Needle ${line}\n` : `straw ${line}\n`);
    send(journal);
    await expect.element(page.getByText('straw 4999')).toBeVisible();
    const field = page.getByRole('textbox', { name: 'Search the output' });
    await field.fill('needle');
    await expect.element(page.getByText('5 lines')).toBeVisible();
    await userEvent.keyboard('{Enter}');
    await expect.element(page.getByText('1 of 5 lines')).toBeVisible();
    await expect.poll(() => visibleText().includes('Needle 7')).toBe(true);
    await userEvent.keyboard('{Shift>}{Enter}{/Shift}');
    await expect.element(page.getByText('5 of 5 lines')).toBeVisible();
    await expect.poll(() => visibleText().includes('Needle 4007')).toBe(true);
    await page.getByRole('button', { name: 'Next match' }).click();
    await expect.element(page.getByText('1 of 5 lines')).toBeVisible();
    await field.fill('nowhere');
    await expect.element(page.getByText('Nothing found')).toBeVisible();
  });

  test('Ctrl+F inside goes to its own search field', async () => {
    const { session } = feed();
    await show(<Viewer session={session} />);
    log().focus();
    await userEvent.keyboard('{Control>}f{/Control}');
    await expect.element(page.getByRole('textbox', { name: 'Search the output' })).toHaveFocus();
  });

  test('shows one step alone', async () => {
    const { session, send } = feed();
    await show(<Viewer session={session} />);
    const journal = new SampleJournal().stepStarted(0, 'Look around').print('first\n').stepFinished(0);
    send(journal.stepStarted(1, 'Clean up').print('second\n', 1).stepFinished(1).finished());
    await expect.element(page.getByText('second')).toBeVisible();
    await page.getByRole('combobox', { name: 'Step' }).click();
    await page.getByRole('option', { name: '2: Clean up' }).click();
    await expect
      .poll(() => visibleText())
      .toEqual(['▸Step 2: Clean up (sh)', 'second', '✓Step 2 succeeded · exit code 0 · 2 ms']);
  });

  test('wraps long lines without losing its place, and shows times', async () => {
    const { session, send } = feed();
    await show(<Viewer session={session} />);
    const journal = new SampleJournal();
    for (let line = 0; line < 300; line++) journal.print(`${line} ${'word '.repeat(60)}end${line}\n`);
    send(journal);
    await expect.poll(() => rows().length).toBeGreaterThan(10);
    expect(log().scrollWidth).toBeGreaterThan(log().clientWidth);
    await page.getByRole('button', { name: 'Wrap long lines' }).click();
    await expect.poll(() => log().scrollWidth).toBeLessThanOrEqual(log().clientWidth);
    await expect.element(page.getByText('end299', { exact: false })).toBeVisible();
    await expect.poll(atEnd).toBe(true);
    await page.getByRole('button', { name: 'Show times' }).click();
    await expect.poll(() => rows().at(-1)?.textContent).toMatch(/\d\d:\d\d:\d\d\.\d{3}/);
    await expect
      .poll(() => {
        const drawn = rows().map((row) => row.getBoundingClientRect());
        return drawn.every((row, index) => index === 0 || row.top >= (drawn[index - 1]?.bottom ?? 0) - 1);
      })
      .toBe(true);
  });

  // Most of its time goes into writing a million lines; on a busy machine that is far more than the usual limit.
  test('a million lines: few rows in the document, any place is reached at once, memory stays near the text', {
    timeout: 90_000,
  }, async () => {
    const { session, send } = feed();
    await show(<Viewer session={session} />);
    const journal = new SampleJournal();
    let bytes = 0;
    for (let batch = 0; batch < 1000; batch++) {
      let text = '';
      for (let line = batch * 1000; line < (batch + 1) * 1000; line++) text += `${line} a \u001b[32mline\u001b[0m\n`;
      bytes += text.length;
      journal.print(text);
    }
    send(journal);
    await expect.element(page.getByText('1,000,000 lines', { exact: false }), { timeout: 60_000 }).toBeVisible();
    await expect.poll(() => visibleText().at(-1)).toMatch(/^999999 /);
    expect(rows().length).toBeLessThan(120);
    expect(session.store.bytes).toBeLessThan(bytes * 1.1);

    let worst = 0;
    for (const share of [0, 0.25, 0.5, 0.99, 0.1]) {
      const before = performance.now();
      log().scrollTop = share * log().scrollHeight;
      await frames(2);
      worst = Math.max(worst, performance.now() - before);
      const first = Math.floor(log().scrollTop / 20);
      expect(Number.parseInt(visibleText()[0] ?? '', 10)).toBeGreaterThanOrEqual(first);
      expect(Number.parseInt(visibleText()[0] ?? '', 10)).toBeLessThanOrEqual(first + 1);
    }
    expect(worst).toBeLessThan(1500);

    await page.getByRole('textbox', { name: 'Search the output' }).fill('999999 a line');
    await expect.element(page.getByText('1 line', { exact: true }), { timeout: 30_000 }).toBeVisible();
    await userEvent.keyboard('{Enter}');
    await expect.poll(() => visibleText().some((line) => line.startsWith('999999 a line'))).toBe(true);
    await page.getByRole('textbox', { name: 'Search the output' }).fill('500000 a line');
    await userEvent.keyboard('{Enter}');
    await expect
      .poll(() => visibleText().some((line) => line.startsWith('500000 a line')), { timeout: 30_000 })
      .toBe(true);
  });

  test.each(['light', 'dark'] as const)('axe finds nothing (%s)', async (scheme) => {
    document.documentElement.dataset.mantineColorScheme = scheme;
    const { session, send } = feed();
    await show(<Viewer session={session} />);
    const journal = new SampleJournal().stepStarted(0, 'Look around');
    for (let code = 30; code < 38; code++) journal.print(`\u001b[${code}mcolour\u001b[${code + 60}m bright\u001b[0m\n`);
    send(journal.print('oops\n', 0, 'stderr').stepFinished(0, 1).finished('failed'));
    await expect.element(page.getByText('oops')).toBeVisible();
    document.documentElement.dataset.mantineColorScheme = scheme;
    await page.getByRole('textbox', { name: 'Search the output' }).fill('colour');
    await expect.element(page.getByText('8 lines')).toBeVisible();
    const { violations } = await axe.run(document.querySelector('main') as HTMLElement, {
      rules: { region: { enabled: false } },
    });
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)).toEqual([]);
  });
});
