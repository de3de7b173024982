import { SocksClientError } from 'socks';
import { systemCode } from '../agent-exit.ts';
import type { Transport } from './transport.ts';

/** Which answer was not the one of a coordinator. */
export class UnexpectedAnswer extends Error {
  readonly status: number;
  /** The proxy itself answered, the coordinator was not reached. */
  readonly byProxy: boolean;

  constructor(status: number, byProxy: boolean) {
    super(`HTTP ${status}`);
    this.status = status;
    this.byProxy = byProxy;
  }
}

const CERTIFICATE_PROBLEMS: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate comes from an authority that this host does not know',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate comes from an authority that this host does not know',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate comes from an authority that this host does not know',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate comes from an authority that this host does not know',
  CERT_HAS_EXPIRED: 'its certificate has expired (or the clock of this host is wrong)',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet (or the clock of this host is wrong)',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};

const PROXY_PASSWORD = 'Give them as http://user:password@host:port (or socks5://…) in "proxy" of runner.json.';

/** Why the coordinator could not be reached, as one sentence, and what to do, as another. */
export function explainFailure(
  error: unknown,
  transport: Transport,
): { readonly detail: string; readonly todo: string } {
  const { origin, proxy, proxyShown } = transport;
  if (error instanceof UnexpectedAnswer) return explainAnswer(error, transport);
  const first = firstOf(error);
  if (first instanceof SocksClientError && socksCode(first) === null) return explainSocks(first, transport);
  const code = codeOf(first);
  const target = proxy === null ? origin.host : `the proxy ${proxyShown}`;
  const certificate = CERTIFICATE_PROBLEMS[code];
  if (certificate !== undefined) {
    return {
      detail: `${origin.host} is not trusted: ${certificate}.`,
      todo: 'If your network inspects TLS or uses its own authority, give its certificate as "ca" in runner.json.',
    };
  }
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return {
        detail: `The name ${proxy?.hostname ?? origin.hostname} cannot be resolved.`,
        todo: 'Check the address and the name servers of this host.',
      };
    case 'ECONNREFUSED':
      return { detail: `${target} refuses the connection.`, todo: 'Check the address and that it is running.' };
    case 'ETIMEDOUT':
    case 'ERR_SOCKET_CONNECTION_TIMEOUT':
      return {
        detail: `${target} does not answer.`,
        todo: proxy === null ? 'A firewall may block it, or a proxy is needed.' : 'Check the address of the proxy.',
      };
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return { detail: `There is no route to ${target}.`, todo: 'Check the network of this host.' };
    case 'ECONNRESET':
    case 'EPIPE':
      return { detail: `The connection to ${target} was cut.`, todo: 'A firewall or proxy may cut it.' };
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return { detail: `${target} does not speak TLS there.`, todo: 'Check http:// or https:// and the port.' };
    default:
      return {
        detail: `The connection to ${target} failed: ${(first instanceof Error ? first.message : String(first)).replace(/\.$/, '')}.`,
        todo: 'Run "outrunner-agent doctor" for details.',
      };
  }
}

/** Of the errors of several addresses the first. */
function firstOf(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
}

function codeOf(error: unknown): string {
  return (error instanceof SocksClientError ? socksCode(error) : null) ?? systemCode(error);
}

/** The code of a system error within an error of the SOCKS client, which keeps only its text; null when it is none. */
function socksCode({ message }: SocksClientError): string | null {
  if (message === 'Proxy connection timed out') return 'ETIMEDOUT';
  if (message === 'Socket closed') return 'ECONNRESET';
  return /^(?:connect|read|write|getaddrinfo) (E[A-Z_]+)\b/.exec(message)?.[1] ?? null;
}

function explainSocks(
  { message }: SocksClientError,
  { origin, proxyShown }: Transport,
): { detail: string; todo: string } {
  if (message === 'Socks5 Authentication failed') {
    return { detail: `The proxy ${proxyShown} refuses the name and the password.`, todo: PROXY_PASSWORD };
  }
  if (message.includes('no accepted authentication type')) {
    return { detail: `The proxy ${proxyShown} wants a name and a password.`, todo: PROXY_PASSWORD };
  }
  const why = /rejected connection -? ?\(?(\w+)\)?$/.exec(message)?.[1];
  if (why !== undefined) {
    return {
      detail: `The proxy ${proxyShown} does not connect to ${origin.host} (${why}).`,
      todo: 'Ask its owner to allow this address.',
    };
  }
  return {
    detail: `${proxyShown} does not answer as a SOCKS proxy (${message}).`,
    todo: 'Check the address of the proxy, and whether it is socks4, socks5 or http.',
  };
}

/** Whether a certificate is what this failed for. */
export function isCertificateProblem(error: unknown): boolean {
  return codeOf(firstOf(error)) in CERTIFICATE_PROBLEMS;
}

/** Failures that plain HTTP has in common with WebSocket: what lies below both is not right. */
const BELOW_BOTH = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'EPROTO',
  ...Object.keys(CERTIFICATE_PROBLEMS),
]);

/** Whether plain HTTP may get through although this failed: something on the way may know no WebSocket. */
export function mayBeWebSocketAlone(error: unknown): boolean {
  if (error instanceof UnexpectedAnswer) return !error.byProxy;
  const first = firstOf(error);
  if (first instanceof SocksClientError) return false;
  const code = codeOf(first);
  return !BELOW_BOTH.has(code) && !code.startsWith('ERR_SSL_');
}

function explainAnswer(answer: UnexpectedAnswer, { origin, proxyShown }: Transport): { detail: string; todo: string } {
  if (answer.status === 407) {
    return {
      detail: `The proxy ${proxyShown} wants a name and a password.`,
      todo: PROXY_PASSWORD,
    };
  }
  if (answer.byProxy) {
    return {
      detail: `The proxy ${proxyShown} does not connect to ${origin.host} (HTTP ${answer.status}).`,
      todo: 'Ask its owner to allow this address.',
    };
  }
  return {
    detail: `${origin.host} answers with HTTP ${answer.status}, not as a coordinator.`,
    todo: 'Check the address; a proxy or firewall in between may block WebSocket.',
  };
}
