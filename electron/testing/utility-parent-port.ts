import { EventEmitter } from 'node:events';

/** Loaded before the program of a stand-in utility process: gives it `process.parentPort`, as Electron does. */
class ParentPort extends EventEmitter {
  postMessage(message: unknown): void {
    process.send?.(message);
  }
}

const port = new ParentPort();
Object.assign(process, { parentPort: port });
process.on('message', (data) => port.emit('message', { data, ports: [] }));
// Without its parent a utility process of Electron ends; so does this one, and leaves no orphan behind a failed test.
process.on('disconnect', () => process.exit(0));
