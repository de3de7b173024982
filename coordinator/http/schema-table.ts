import { z } from 'zod';

/** The parts of a JSON schema that a reader wants to know. Everything else is left to the OpenAPI document. */
const NodeSchema = z.looseObject({
  $ref: z.string().optional(),
  type: z.union([z.string(), z.array(z.string())]).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  items: z.unknown().optional(),
  additionalProperties: z.unknown().optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  oneOf: z.array(z.unknown()).optional(),
  format: z.string().optional(),
  default: z.unknown().optional(),
});
type Node = z.infer<typeof NodeSchema>;

/** Bounds that zod writes for every integer and that say nothing. */
const NO_BOUND = new Set<unknown>([Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]);
const BOUNDS = {
  minimum: 'from',
  maximum: 'to',
  minLength: 'length from',
  maxLength: 'length to',
  maxItems: 'at most',
} as const;

/** A schema as HTML: an object as a table of its fields, a choice as one table after the other, the rest in words. */
export function schemaTable(schema: unknown): string {
  const node = NodeSchema.parse(schema);
  const choices = node.anyOf ?? node.oneOf;
  if (choices?.some((choice) => NodeSchema.parse(choice).properties !== undefined)) {
    return choices.map((choice) => schemaTable(choice)).join('<p class="soft">or</p>');
  }
  if (node.properties === undefined) return `<p>${kindOf(node)} ${notesOf(node)}</p>`;
  const rows = Object.entries(node.properties).map(([name, field]) => fieldRows(name, field, node.required ?? []));
  return `<table><tr><th>field</th><th>is</th><th></th></tr>${rows.join('')}</table>`;
}

function fieldRows(name: string, schema: unknown, required: readonly string[]): string {
  const node = NodeSchema.parse(schema);
  const last = name.split('.').at(-1) ?? name;
  const needed = required.includes(last) ? '' : ' <span class="soft">may be absent</span>';
  const own = `<tr><td><code>${escapeHtml(name)}</code></td><td>${kindOf(node)}${needed}</td><td>${notesOf(node)}</td></tr>`;
  const inner = Object.entries(node.properties ?? {});
  return own + inner.map(([field, below]) => fieldRows(`${name}.${field}`, below, node.required ?? [])).join('');
}

/** What a value is, in words, with links to the forms that have a name. */
function kindOf(node: Node): string {
  if (node.$ref !== undefined) {
    const name = escapeHtml(node.$ref.replace(/^.*\//, ''));
    return `<a href="#form-${name}">${name}</a>`;
  }
  if (node.const !== undefined) return `<code>${escapeHtml(JSON.stringify(node.const))}</code>`;
  if (node.enum !== undefined) return node.enum.map((value) => `<code>${escapeHtml(String(value))}</code>`).join(', ');
  const choices = node.anyOf ?? node.oneOf;
  if (choices !== undefined) return choices.map((choice) => kindOf(NodeSchema.parse(choice))).join(' or ');
  if (node.items !== undefined) return `list of ${kindOf(NodeSchema.parse(node.items))}`;
  if (node.format === 'date-time') return 'time';
  const types = [node.type ?? 'any value'].flat().map((type) => (type === 'string' ? 'text' : type));
  if (node.type === 'object' && node.additionalProperties !== undefined && node.properties === undefined) {
    const value = NodeSchema.safeParse(node.additionalProperties);
    return value.success ? `names with ${kindOf(value.data)}` : 'names with values';
  }
  return types.join(' or ');
}

function notesOf(node: Node): string {
  const bounds = Object.entries(BOUNDS).flatMap(([key, word]) => {
    const bound = node[key];
    return typeof bound !== 'number' || NO_BOUND.has(bound) ? [] : [`${word} ${bound}`];
  });
  const fallback = node.default === undefined ? [] : [`default ${JSON.stringify(node.default)}`];
  return escapeHtml([...bounds, ...fallback].join(', '));
}

/** Text that stands for itself in HTML, also inside an attribute. */
export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
