import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plugin } from 'rolldown';
import { NODE_MODULES } from './paths.ts';

/**
 * The API documentation page reads its assets from beside its own source files. Bundled into another file it has no such
 * place, so the assets are copied beside the bundle, and its `__dirname` is made to point there.
 */
const FOLDER = 'swagger-ui';
const PACKAGE = /[\\/]@fastify[\\/]swagger-ui[\\/](?:(lib)[\\/])?[^\\/]+\.js$/;

/** Makes `__dirname` inside `@fastify/swagger-ui` mean the copied folder; leaves every other module alone. */
export function swaggerUiFolder(): Plugin {
  return {
    name: 'outrunner:swagger-ui-folder',
    transform: {
      filter: { id: PACKAGE },
      handler(code, id) {
        const inside = PACKAGE.exec(id)?.[1] ?? '.';
        return code.replaceAll('__dirname', `require('node:path').join(import.meta.dirname, '${FOLDER}', '${inside}')`);
      },
    },
  };
}

/** Copies the assets into `<folder>/swagger-ui/static`, replacing what was there. */
export async function copySwaggerUi(folder: string): Promise<void> {
  const to = join(folder, FOLDER, 'static');
  await rm(to, { recursive: true, force: true });
  await cp(join(NODE_MODULES, '@fastify', 'swagger-ui', 'static'), to, { recursive: true });
}
