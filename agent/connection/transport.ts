import { lookup } from 'node:dns';
import { Agent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { LookupFunction } from 'node:net';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { getProxyForUrl } from 'proxy-from-env';
import { SocksProxyAgent } from 'socks-proxy-agent';
import { AGENT_EXIT, type RunnerConfig } from '../../protocol/enrolment.ts';
import { AgentExit } from '../agent-exit.ts';
import type { TransportSetting } from './transport-choice.ts';

/** How long a connection may take until the other end answers, in milliseconds. */
export const CONNECT_DEADLINE_MS = 20_000;

const HTTP_PROXY = /^https?:$/;
const SOCKS_PROXY = /^socks(?:4a?|5h?)?:$/;
const PROXY_FORMS = 'It must be like http://host:port or socks5://host:port.';

/** The one way out of this host: enrolment, the connection and `doctor` all take it, with the same proxy and certificates. */
export interface Transport {
  /** The coordinator's address without a path. */
  readonly origin: URL;
  readonly proxy: URL | null;
  /** The proxy without its password; what may be shown. */
  readonly proxyShown: string | null;
  /** WebSocket, long polling, or whichever gets through. */
  readonly setting: TransportSetting;
  /**
   * Options for `http(s).request` and for `ws`. A fresh agent for each call: `onProxyAnswer` belongs to it. `keepAlive`: its
   * connections serve several calls, and whoever asked for it destroys it.
   */
  requestOptions(onProxyAnswer?: (status: number) => void, keepAlive?: boolean): RequestOptions;
  /** From the next connection on, these are trusted beside the system's own authorities. PEM, one text or several each. */
  trustAuthorities(own: readonly string[]): void;
  /** The same way with other authorities beside the system's. */
  withAuthorities(own: readonly string[]): Transport;
}

export interface RequestOptions {
  readonly agent?: Agent;
  readonly secureContext?: SecureContext;
  /** false: whoever answers is heard. Never for a proxy: it gets the name and password of its configuration. */
  readonly rejectUnauthorized?: boolean;
  readonly lookup?: LookupFunction;
}

/**
 * Makes the transport that a configuration describes. The proxy is the configured one, else that of the environment
 * (HTTPS_PROXY, HTTP_PROXY, NO_PROXY). Ends with a configuration error when the proxy's address is none.
 */
export function createTransport(
  config: Pick<RunnerConfig, 'coordinator' | 'proxy' | 'ca' | 'transport'>,
  authorities: readonly string[] = config.ca === undefined ? [] : [config.ca],
): Transport {
  const origin = new URL(config.coordinator.url);
  const proxy = proxyFor(origin, config.proxy);
  let own = authorities;
  let context: SecureContext | undefined;
  // Hundreds of certificates are parsed once, and only when something is encrypted at all.
  const secureContext = () => (context ??= makeContext(own));
  const encrypted = origin.protocol === 'https:' || proxy?.protocol === 'https:';
  return {
    origin,
    proxy,
    proxyShown: proxy === null ? null : `${proxy.protocol}//${proxy.host}`,
    setting: config.transport ?? 'auto',
    trustAuthorities(next) {
      if (next.join() !== own.join()) context = undefined;
      own = next;
    },
    withAuthorities: (other) => createTransport(config, other),
    requestOptions(onProxyAnswer, keepAlive = false) {
      const security = encrypted ? { secureContext: secureContext() } : {};
      if (proxy === null) {
        if (!keepAlive) return security;
        const agent = origin.protocol === 'https:' ? new HttpsAgent({ keepAlive }) : new Agent({ keepAlive });
        return { ...security, agent };
      }
      if (SOCKS_PROXY.test(proxy.protocol)) {
        // No `timeout`: it would cut the connection for good after so much silence. The callers have deadlines of their own.
        const agent = new SocksProxyAgent(proxy, { keepAlive });
        // SOCKS 4 knows addresses of IPv4 alone, and leaves it to us to find them.
        return { ...security, agent, ...(proxy.protocol === 'socks4:' ? { lookup: lookupIpv4 } : {}) };
      }
      const agent = new HttpsProxyAgent(proxy, { ...security, timeout: CONNECT_DEADLINE_MS, keepAlive });
      if (onProxyAnswer) agent.on('proxyConnect', (answer: { statusCode: number }) => onProxyAnswer(answer.statusCode));
      return { ...security, agent };
    },
  };
}

/** Whether a proxy speaks SOCKS; HTTP if not. */
export function isSocks(proxy: URL): boolean {
  return SOCKS_PROXY.test(proxy.protocol);
}

const lookupIpv4: LookupFunction = (host, options, callback) => lookup(host, { ...options, family: 4 }, callback);

function proxyFor(origin: URL, configured: string | undefined): URL | null {
  const text = configured !== undefined && configured !== '' ? configured : getProxyForUrl(origin.href);
  if (text === '') return null;
  // The text may hold a password: no message repeats it.
  const refuse = (what: string, todo = PROXY_FORMS) => new AgentExit(AGENT_EXIT.configuration, `proxy: ${what}`, todo);
  let proxy: URL;
  try {
    proxy = new URL(text.includes('://') ? text : `http://${text}`);
  } catch {
    throw refuse('this is not an address.');
  }
  if (proxy.hostname === '') throw refuse('this is not an address.');
  if (!HTTP_PROXY.test(proxy.protocol) && !SOCKS_PROXY.test(proxy.protocol)) {
    throw refuse(`${proxy.protocol}// proxies are not supported.`);
  }
  if (proxy.protocol.startsWith('socks4') && proxy.password !== '') {
    throw refuse('SOCKS 4 knows a name and no password.', 'Use socks5://, or leave the password out.');
  }
  try {
    decodeURIComponent(proxy.username + proxy.password);
  } catch {
    throw refuse(
      'its name or password has a % that does not stand for a character.',
      'Write % as %25, @ as %40 and : as %3A in them.',
    );
  }
  return proxy;
}

function makeContext(own: readonly string[]): SecureContext {
  const all = new Set([...getCACertificates('default'), ...getCACertificates('system'), ...own]);
  try {
    return createSecureContext({ ca: [...all], minVersion: 'TLSv1.2' });
  } catch (error) {
    throw new AgentExit(
      AGENT_EXIT.configuration,
      `ca: the certificates cannot be used (${error instanceof Error ? error.message : String(error)}).`,
      'Give certificates in PEM.',
    );
  }
}
