import { afterAll, beforeAll, expect, it } from 'vitest';
import { API_BASE, ROUTES } from '../../protocol/api/routes.ts';
import { startWhole, type WholeCoordinator } from '../testing/whole-coordinator.ts';

let whole: WholeCoordinator;
beforeAll(async () => {
  whole = await startWhole();
});
afterAll(() => whole.stop());

it('describes every call of the table as OpenAPI, with references that lead somewhere', async () => {
  const { status, body } = await whole.request('GET', `${API_BASE}/openapi.json`, { token: null });
  expect([status, body.openapi]).toEqual([200, '3.1.0']);
  for (const [name, row] of Object.entries(ROUTES)) {
    const operation = body.paths[`${API_BASE}${row.path}`][row.method.toLowerCase()];
    expect([name, operation.operationId]).toEqual([name, name]);
    const named = [...row.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    const described = (operation.parameters ?? []).filter((one: { in: string }) => one.in === 'path');
    expect([name, described.map((one: { name: string }) => one.name)]).toEqual([name, named]);
    expect([name, 'requestBody' in operation]).toEqual([name, 'body' in row]);
  }
  const text = JSON.stringify(body);
  for (const [, kind, name] of text.matchAll(/"#\/components\/(\w+)\/([^"]+)"/g)) {
    expect([name, body.components[String(kind)][String(name)] !== undefined]).toEqual([name, true]);
  }
  expect(text).not.toContain('$defs');
  expect(text).not.toMatch(/schemas\/(input|output):/);
});

it('tells what may be left out when it is sent from what is always in an answer', async () => {
  const { body } = await whole.request('GET', `${API_BASE}/openapi.json`, { token: null });
  const { Assignment, AssignmentInput, Runner } = body.components.schemas;
  expect(AssignmentInput.required).toEqual(['project']);
  expect(Assignment.required).toContain('nodeFilter');
  expect(Runner.properties.projects.items).toEqual({ $ref: '#/components/schemas/Assignment' });
});

it('is a page to read, without scripts and without anything from elsewhere', async () => {
  const { status, headers, body } = await whole.request('GET', '/api/docs', { token: null });
  expect(status).toBe(200);
  for (const row of Object.values(ROUTES)) expect(body).toContain(row.path);
  expect(body).not.toMatch(/<script|https?:\/\/(?!host\/)/);
  expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'nonce-/);
});

it('gives figures to monitoring', async () => {
  const { status, headers, body } = await whole.request('GET', `${API_BASE}/metrics`);
  expect(status).toBe(200);
  expect(headers.get('content-type')).toContain('text/plain');
  expect(body).toContain('outrunner_runners{status="Healthy"} 0');
  expect(body).toMatch(/outrunner_http_requests_total\{method="GET",status="2xx"\} [1-9]/);
  expect((await whole.request('GET', `${API_BASE}/metrics`, { token: null })).status).toBe(401);
});
