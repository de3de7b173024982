import axe from 'axe-core';
import { useState } from 'react';
import { describe, expect, test } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { render } from 'vitest-browser-react';
import { testPage } from '../ui/test-page.tsx';
import { type FieldErrors, newStep, type StepDraft } from './job-draft.ts';
import { WorkflowTab } from './workflow-tab.tsx';

let now: readonly StepDraft[] = [];

function Workflow({ labels, errors = new Map() }: { labels: string[]; errors?: FieldErrors }) {
  const [steps, setSteps] = useState<readonly StepDraft[]>(() =>
    labels.map((label) => ({ ...newStep('command'), label, command: `echo ${label}` })),
  );
  now = steps;
  return (
    <main>
      <h1>Workflow</h1>
      <WorkflowTab steps={steps} onChange={setSteps} errors={errors} />
    </main>
  );
}
const labels = () => now.map(({ label }) => label);

describe('the workflow of the job editor', () => {
  test('the arrow keys move a step, its handle keeps the focus, and the move is said', async () => {
    await render(testPage(<Workflow labels={['a', 'b', 'c']} />));
    const handle = page.getByRole('button', { name: 'Move step 1: arrow keys' });
    await expect.element(handle).toBeVisible();
    ((await handle.findElement()) as HTMLElement).focus();
    await userEvent.keyboard('{ArrowDown}');
    await expect.poll(labels).toEqual(['b', 'a', 'c']);
    await expect.element(page.getByRole('button', { name: 'Move step 2: arrow keys' })).toHaveFocus();
    await expect.element(page.getByText('Step 1 is now step 2 of 3.')).toBeInTheDocument();
    await userEvent.keyboard('{End}');
    await expect.poll(labels).toEqual(['b', 'c', 'a']);
    await userEvent.keyboard('{ArrowDown}{Home}');
    await expect.poll(labels).toEqual(['a', 'b', 'c']);
  });

  test('buttons move, duplicate and remove; the last step cannot be removed', async () => {
    await render(testPage(<Workflow labels={['a', 'b']} />));
    await page.getByRole('button', { name: 'Move step 2 up' }).click();
    expect(labels()).toEqual(['b', 'a']);
    await page.getByRole('button', { name: 'Duplicate step 1' }).click();
    expect(labels()).toEqual(['b', 'b', 'a']);
    await page.getByRole('button', { name: 'Remove step 1' }).click();
    await page.getByRole('button', { name: 'Remove step 1' }).click();
    expect(labels()).toEqual(['a']);
    await expect.element(page.getByRole('button', { name: 'Remove step 1' })).toHaveAttribute('aria-disabled', 'true');
    ((await page.getByRole('button', { name: 'Remove step 1' }).findElement()) as HTMLElement).click();
    expect(labels()).toEqual(['a']);
  });

  test('dragging puts a step where it is dropped', async () => {
    await render(testPage(<Workflow labels={['a', 'b', 'c']} />));
    const source = page.getByRole('button', { name: 'Move step 3: arrow keys' });
    await userEvent.dragAndDrop(source, page.getByRole('listitem').nth(0), { targetPosition: { x: 40, y: 4 } });
    await expect.poll(labels).toEqual(['c', 'a', 'b']);
  });

  test('the type can be changed and back without losing the command, and a script gets a real editor', async () => {
    await render(testPage(<Workflow labels={['a']} />));
    await page.getByText('Script', { exact: true }).click();
    const editor = page.getByRole('textbox', { name: /Script/ });
    await expect.element(editor).toBeVisible();
    await editor.click();
    await userEvent.keyboard('#!/usr/bin/env python3{Enter}print(1)');
    await expect.poll(() => now[0]?.script).toBe('#!/usr/bin/env python3\nprint(1)');
    await page.getByRole('button', { name: 'Add argument' }).click();
    await page.getByRole('textbox', { name: 'Argument 1' }).fill('two words');
    expect(now[0]?.arguments).toEqual(['two words']);
    await page.getByText('Command', { exact: true }).first().click();
    await expect.element(page.getByRole('textbox', { name: 'Command' })).toHaveValue('echo a');
    expect(now[0]?.script).toContain('print(1)');
  });

  test('a field that is not right says so at its place', async () => {
    await render(
      testPage(<Workflow labels={['a']} errors={new Map([['workflow.steps.0.command', 'Command is required.']])} />),
    );
    await expect.element(page.getByText('Command is required.')).toBeVisible();
    await expect.element(page.getByRole('textbox', { name: 'Command' })).toHaveAttribute('aria-invalid', 'true');
  });

  test('axe finds nothing, with a script open', async () => {
    await render(testPage(<Workflow labels={['a', 'b']} />));
    await page.getByRole('button', { name: 'Add script' }).click();
    await expect.element(page.getByRole('textbox', { name: /Script/ })).toBeVisible();
    const { violations } = await axe.run(document.querySelector('main') as HTMLElement);
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)).toEqual([]);
  });
});
