/** Text of an XML element. What XML cannot hold at all (control characters) is refused. */
export function escapeXml(text: string): string {
  const bad = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.exec(text);
  if (bad !== null) throw new RangeError(`XML cannot hold ${JSON.stringify(bad[0])}.`);
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };
  // A reader turns a bare carriage return into a line feed.
  return text.replace(/[&<>"']/g, (c) => names[c] ?? c).replaceAll('\r', '&#13;');
}
