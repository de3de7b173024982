/** How many requests were answered and how long they took, by method and class of status (`2xx`). */
export class RequestCounts {
  readonly #rows = new Map<string, { method: string; status: string; count: number; seconds: number }>();

  count(method: string, statusCode: number, ms: number): void {
    const status = `${Math.floor(statusCode / 100)}xx`;
    const key = `${method} ${status}`;
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = { method, status, count: 0, seconds: 0 };
      this.#rows.set(key, row);
    }
    row.count += 1;
    row.seconds += ms / 1000;
  }

  rows(): readonly Readonly<{ method: string; status: string; count: number; seconds: number }>[] {
    return [...this.#rows.values()];
  }
}
