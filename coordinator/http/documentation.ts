import { route } from '../../protocol/api/route.ts';
import { ROUTES } from '../../protocol/api/routes.ts';
import { PRODUCT_VERSION } from '../../protocol/version.ts';
import type { ApiServer } from './api-server.ts';

const openApiRoute = route({
  method: 'GET',
  path: '/openapi.json',
  summary: 'This interface as an OpenAPI document',
  access: 'anyone',
  status: 200,
  stream: { contentType: 'application/json', description: 'OpenAPI 3.1' },
});

const docsRoute = route({
  method: 'GET',
  path: '/docs',
  summary: 'This interface as a page to read',
  access: 'anyone',
  status: 200,
  stream: { contentType: 'text/html', description: 'A page' },
});

/** `/api/v1/openapi.json` and `/api/docs`. Made when they are first asked for: the start need not wait for them. */
export function serveDocumentation(api: Pick<ApiServer, 'serve' | 'serveAt'>): void {
  let document: string | null = null;
  const openApi = async () => {
    const { openApiDocument } = await import('./openapi.ts');
    document ??= JSON.stringify(openApiDocument(ROUTES, { version: PRODUCT_VERSION }));
    return document;
  };
  api.serve(openApiRoute, async () => ({ headers: { 'content-type': 'application/json' }, body: await openApi() }));
  api.serveAt('/api/docs', docsRoute, async () => {
    const { docsPage } = await import('./docs-page.ts');
    return docsPage(await openApi());
  });
}
