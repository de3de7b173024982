import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { API_BASE } from '../../protocol/api/routes.ts';
import type { StreamAnswer } from './call.ts';
import { escapeHtml, schemaTable } from './schema-table.ts';
import { readingPolicy } from './security-headers.ts';

/** What the page reads of the OpenAPI document. */
const SchemaSchema = z.record(z.string(), z.unknown());
const ContentSchema = z.record(z.string(), z.object({ schema: SchemaSchema }));
const OperationSchema = z.object({
  operationId: z.string(),
  summary: z.string(),
  tags: z.array(z.string()),
  security: z.array(z.unknown()).optional(),
  parameters: z
    .array(z.object({ name: z.string(), in: z.string(), required: z.boolean(), schema: SchemaSchema }))
    .default([]),
  requestBody: z.object({ content: ContentSchema }).optional(),
  responses: z.record(z.string(), z.object({ description: z.string().optional(), content: ContentSchema.optional() })),
});
const DocumentSchema = z.object({
  info: z.object({ title: z.string(), version: z.string(), description: z.string() }),
  paths: z.record(z.string(), z.record(z.string(), OperationSchema)),
  components: z.object({ schemas: z.record(z.string(), SchemaSchema) }),
});

interface Call extends z.infer<typeof OperationSchema> {
  readonly method: string;
  readonly path: string;
}

const STYLE = `
:root{color-scheme:light dark;--line:#8884;--soft:#8882}
body{font:15px/1.55 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem}h2{margin-top:2.5rem;border-bottom:1px solid var(--line)}
nav{columns:3 14rem;font-size:.9rem}nav a{display:block;break-inside:avoid}
article{margin:1.2rem 0;padding:.8rem 1rem;border:1px solid var(--line);border-radius:8px}
article h3{margin:0;font:600 .95rem ui-monospace,monospace;overflow-wrap:anywhere}
article p{margin:.4rem 0}table{border-collapse:collapse;font-size:.9rem}
td,th{text-align:left;padding:.15rem .8rem .15rem 0;vertical-align:top}th{font-weight:500;opacity:.75}td p{margin:0}table{margin:.4rem 0}
pre{overflow:auto;background:var(--soft);padding:.7rem;border-radius:6px;font-size:.82rem}
code{font-family:ui-monospace,monospace}.soft{opacity:.75}`;

/** The interface as one page to read: no script, nothing from elsewhere. */
export function docsPage(openApi: string): StreamAnswer {
  const document = DocumentSchema.parse(JSON.parse(openApi));
  const nonce = randomBytes(16).toString('base64');
  const calls: Call[] = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
  );
  const groups = Map.groupBy(calls, (call) => call.tags[0] ?? '');
  const { info } = document;
  const body = `<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>${escapeHtml(info.title)} API</title><style nonce="${nonce}">${STYLE}</style></head><body>
<h1>${escapeHtml(info.title)} API ${escapeHtml(info.version)}</h1>
<p>${markedUp(info.description)}</p>
<p>Send a token that you made in the console under Settings: <code>Authorization: Bearer …</code>. For programs: <a href="/api/v1/openapi.json">the OpenAPI document</a>.</p>
<pre>curl -H "Authorization: Bearer $TOKEN" https://host/api/v1/runners</pre>
<nav>${calls.map((call) => `<a href="#${call.operationId}">${call.method} ${escapeHtml(call.path.replace(API_BASE, ''))}</a>`).join('')}</nav>
${[...groups].map(([tag, group]) => `<h2>${escapeHtml(tag)}</h2>${group.map(callText).join('')}`).join('')}
<h2>Forms</h2>
${Object.entries(document.components.schemas)
  .map(
    ([name, schema]) =>
      `<article id="form-${escapeHtml(name)}"><h3>${escapeHtml(name)}</h3>${schemaTable(schema)}</article>`,
  )
  .join('')}
</body></html>`;
  return {
    headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': readingPolicy(nonce) },
    body,
  };
}

function callText(call: Call): string {
  const open = call.security?.length === 0 ? '<p class="soft">Needs no credentials.</p>' : '';
  const rows = call.parameters.map(
    (one) =>
      `<tr><td><code>${escapeHtml(one.name)}</code></td><td>${one.in}${one.required ? ', required' : ''}</td><td>${schemaTable(one.schema)}</td></tr>`,
  );
  const sent = call.requestBody === undefined ? '' : part('Sent', call.requestBody.content);
  const answers = Object.entries(call.responses)
    .filter(([status]) => status !== 'default')
    .map(([status, answer]) =>
      part(`Answer ${status}${answer.description ? `: ${answer.description}` : ''}`, answer.content),
    );
  return `<article id="${call.operationId}"><h3>${call.method} ${escapeHtml(call.path)}</h3><p>${escapeHtml(call.summary)}</p>${open}
${rows.length === 0 ? '' : `<table>${rows.join('')}</table>`}${sent}${answers.join('')}</article>`;
}

function part(title: string, content: z.infer<typeof ContentSchema> | undefined): string {
  const [first] = Object.entries(content ?? {});
  if (first === undefined) return `<p class="soft">${escapeHtml(title)}</p>`;
  return `<details><summary>${escapeHtml(title)} <span class="soft">${escapeHtml(first[0])}</span></summary>${schemaTable(first[1].schema)}</details>`;
}

function markedUp(text: string): string {
  return escapeHtml(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}
