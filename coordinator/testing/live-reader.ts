import { LiveBeatSchema, type LiveEvent, LiveEventSchema } from '../../protocol/api/live.ts';

/** Listens to `GET /live` as a console does, and waits for what is said. */
export class LiveReader {
  readonly events: LiveEvent[] = [];
  beats = 0;
  /** Resolves when the stream is over, with whether it ended properly. */
  readonly over: Promise<'ended' | 'broken'>;
  readonly #abort = new AbortController();
  readonly #waiting = new Set<() => void>();
  readonly status: number;

  private constructor(response: Response, abort: AbortController) {
    this.status = response.status;
    this.#abort = abort;
    this.over = this.#read(response);
  }

  static async open(url: string, token: string): Promise<LiveReader> {
    const abort = new AbortController();
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${url}/api/v1/live`, { headers, signal: abort.signal });
    return new LiveReader(response, abort);
  }

  /** The first event, past or to come, that fits. */
  async until(fits: (event: LiveEvent) => boolean): Promise<LiveEvent> {
    for (;;) {
      const found = this.events.find(fits);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Resolves when it has beaten so often since it was opened; it begins with one. */
  async untilBeats(count: number): Promise<void> {
    while (this.beats < count) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  /** Forgets what was heard so far. */
  forget(): void {
    this.events.length = 0;
  }

  close(): void {
    this.#abort.abort();
  }

  async #read(response: Response): Promise<'ended' | 'broken'> {
    const { body } = response;
    if (body === null) return 'ended';
    const decoder = new TextDecoder();
    let text = '';
    try {
      for await (const chunk of body) {
        text += decoder.decode(chunk, { stream: true });
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) this.#take(block);
      }
      return 'ended';
    } catch {
      // Cut off by either side: the caller is told by the value.
      return 'broken';
    } finally {
      this.#wake();
    }
  }

  #take(block: string): void {
    const data = /^data: (.*)$/m.exec(block)?.[1];
    if (data === undefined) return;
    const parsed: unknown = JSON.parse(data);
    if (block.includes('event: beat')) {
      LiveBeatSchema.parse(parsed);
      this.beats += 1;
    } else {
      this.events.push(LiveEventSchema.parse(parsed));
    }
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
