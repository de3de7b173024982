/** The nonce that this answer's policy allows for styles; empty while developing without a policy. */
export function styleNonce(): string {
  const content = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? '';
  // Nobody replaced the placeholder: the page was not served by a coordinator or a shell.
  return content === '__CSP_NONCE__' ? '' : content;
}
