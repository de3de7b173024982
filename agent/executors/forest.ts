import type { Clock } from '../../protocol/clock.ts';
import type { Confinement } from './confinement.ts';
import { LinuxTree, type LinuxTreeDeps } from './linux-tree.ts';
import type { ProcessTree } from './process-tree.ts';
import { PsTree } from './ps-tree.ts';
import { WindowsTree } from './windows-tree.ts';

export interface TreeOf {
  readonly operation: string;
  readonly attempt: number;
  /** The operation's own working folder. */
  readonly workFolder: string;
}

/** Makes the trees of operations on this system. */
export type Forest = (of: TreeOf) => ProcessTree;

export function forest(clock: Clock, confinement: Confinement, platform: NodeJS.Platform = process.platform): Forest {
  return ({ operation, attempt, workFolder }) => {
    if (platform === 'win32') return new WindowsTree(clock);
    if (platform !== 'linux') return new PsTree(operation);
    const confine: LinuxTreeDeps['confine'] = (claims) => confinement.of(`${operation}.${attempt}`, claims);
    return new LinuxTree({ operation, workFolder, clock, confine });
  };
}
