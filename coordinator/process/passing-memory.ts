/** Bytes that may pass between two collections. Measured with one step that prints 200 MB: 125 MB of memory in all. */
const BYTES_BETWEEN = 8 << 20;

/**
 * Tells the collector of bytes that only pass through: V8 lets some 64 MB of buffers pile up before it looks for those that
 * nobody needs, and each new one then is fresh memory of the system, page by page, where that of the last would do. Collecting
 * often takes less time than that costs.
 */
export function passingMemory(collectRecent: () => void): (bytes: number) => void {
  let passed = 0;
  return (bytes) => {
    passed += bytes;
    if (passed < BYTES_BETWEEN) return;
    passed = 0;
    collectRecent();
  };
}
