import { expect, test } from 'vitest';
import { render } from 'vitest-browser-react';
import { RunnerStatusSchema } from '../../protocol/status.ts';
import { StatusIcon } from './status-icon.tsx';
import { testPage } from './test-page.tsx';

test.each(RunnerStatusSchema.options)('the icon of %s carries its word', async (status) => {
  const screen = await render(testPage(<StatusIcon status={status} />));
  await expect.element(screen.getByRole('img', { name: status, exact: true })).toBeVisible();
});

test('each status has a shape of its own, so that colour is never the only sign', async () => {
  const screen = await render(
    testPage(
      <div>
        {RunnerStatusSchema.options.map((status) => (
          <StatusIcon key={status} status={status} />
        ))}
      </div>,
    ),
  );
  await expect.element(screen.getByRole('img', { name: 'Down' })).toBeVisible();
  const shapes = [...screen.container.querySelectorAll('svg')].map((svg) => svg.innerHTML);
  expect(shapes).toHaveLength(RunnerStatusSchema.options.length);
  expect(new Set(shapes).size).toBe(shapes.length);
});

test('the reason is there on hover', async () => {
  const screen = await render(testPage(<StatusIcon status="Down" reason="The agent was stopped." />));
  await expect
    .element(screen.getByRole('img', { name: 'Down' }))
    .toHaveAttribute('title', 'Down: The agent was stopped.');
});
