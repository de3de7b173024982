/** What takes back the steps of an installation, the last one first. */
export class Undo {
  readonly #steps: (() => Promise<unknown>)[] = [];

  /** Remembers how to take back what was just done. */
  add(step: () => Promise<unknown>): void {
    this.#steps.push(step);
  }

  /** Takes everything back. What cannot be taken back is told, and the rest still is. */
  async run(say: (line: string) => void): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) {
      await step().catch((error: unknown) => say(`Could not be taken back: ${String(error)}`));
    }
  }
}
