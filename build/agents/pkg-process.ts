import { createRequire } from 'node:module';
import { z } from 'zod';
import { RUNTIME_FLAGS, RUNTIME_FLAGS_FROM_OUTSIDE } from './packer.ts';

/**
 * The process that runs pkg; started by `pkg-packer.ts` with a home of its own. It calls pkg's inner module because pkg's
 * command line cannot pass options of the single executable; `pkg-packer.test.ts` proves that they arrive, and the version
 * is pinned exactly.
 */
const RequestSchema = z.object({
  bundle: z.string(),
  output: z.string(),
  nodeVersion: z.string(),
  platform: z.enum(['linux', 'win', 'macos']),
  arch: z.string(),
});

type Sea = (entry: string, options: unknown) => Promise<void>;

const request = RequestSchema.parse(JSON.parse(process.argv[2] ?? ''));
const require = createRequire(import.meta.url);
const { default: sea } = require('@yao-pkg/pkg/lib-es5/sea.js') as { default: Sea };

await sea(request.bundle, {
  targets: [
    {
      nodeRange: `node${request.nodeVersion}`,
      platform: request.platform,
      arch: request.arch,
      output: request.output,
    },
  ],
  // We sign ourselves, the same way on every host (finish-executable.ts).
  signature: false,
  seaConfig: {
    // pkg would write the absolute path into the executable; relative to its working folder it is the same everywhere.
    main: '../agent.cjs',
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    useCodeCache: false,
    execArgv: [...RUNTIME_FLAGS],
    execArgvExtension: RUNTIME_FLAGS_FROM_OUTSIDE,
  },
});
