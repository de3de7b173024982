/** One event of a server-sent stream. */
export interface ServerSentEvent {
  /** `message` when the stream names none. */
  readonly event: string;
  readonly data: string;
}

/**
 * Reads server-sent events from text that arrives in any pieces. Give it each piece; it returns the events that became
 * complete with it. Comments, ids and retry hints are ignored: nothing here uses them.
 */
export function createSseParser(): (piece: string) => ServerSentEvent[] {
  let rest = '';
  let event = '';
  let data: string[] = [];

  return (piece) => {
    const events: ServerSentEvent[] = [];
    // A carriage return at the very end may be half of a CRLF: it waits for the next piece.
    const text = rest + piece;
    const end = text.endsWith('\r') ? text.length - 1 : text.length;
    const lines = text.slice(0, end).split(/\r\n|\n|\r/);
    rest = (lines.pop() ?? '') + text.slice(end);
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) events.push({ event: event === '' ? 'message' : event, data: data.join('\n') });
        event = '';
        data = [];
        continue;
      }
      const colon = line.indexOf(':');
      if (colon === 0) continue;
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'event') event = value;
      else if (field === 'data') data.push(value);
    }
    return events;
  };
}
