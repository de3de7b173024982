import { z } from 'zod';

// Before any schema is made: zod compiles its parsers with `new Function`, which the page's policy forbids. The rest is
// loaded after this line has run, whatever order the bundler gives to its chunks.
z.config({ jitless: true });

const { start } = await import('./app/start.tsx');
await start();
