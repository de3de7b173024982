import type { Agent } from 'node:http';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { getProxyForUrl } from 'proxy-from-env';
import { AGENT_EXIT, type RunnerConfig } from '../../protocol/enrolment.ts';
import { AgentExit } from '../agent-exit.ts';

/** How long a connection may take until the other end answers, in milliseconds. */
export const CONNECT_DEADLINE_MS = 20_000;

/** The one way out of this host: enrolment, the connection and `doctor` all take it, with the same proxy and certificates. */
export interface Transport {
  /** The coordinator's address without a path. */
  readonly origin: URL;
  readonly proxy: URL | null;
  /** The proxy without its password; what may be shown. */
  readonly proxyShown: string | null;
  /** Options for `http(s).request` and for `ws`. A fresh agent for each call: `onProxyAnswer` belongs to it. */
  requestOptions(onProxyAnswer?: (status: number) => void): RequestOptions;
  /** PEM of all authorities that are trusted. */
  authorities(): readonly string[];
}

export interface RequestOptions {
  readonly agent?: Agent;
  readonly secureContext?: SecureContext;
}

/**
 * Makes the transport that a configuration describes. The proxy is the configured one, else that of the environment
 * (HTTPS_PROXY, HTTP_PROXY, NO_PROXY). Ends with a configuration error when the proxy's address is none.
 */
export function createTransport(config: Pick<RunnerConfig, 'coordinator' | 'proxy' | 'ca'>): Transport {
  const origin = new URL(config.coordinator.url);
  const proxy = proxyFor(origin, config.proxy);
  let authorities: readonly string[] | undefined;
  let context: SecureContext | undefined;
  const trusted = () => (authorities ??= trustedAuthorities(config.ca));
  // Hundreds of certificates are parsed once, and only when something is encrypted at all.
  const secureContext = () => (context ??= makeContext(trusted()));
  const encrypted = origin.protocol === 'https:' || proxy?.protocol === 'https:';
  return {
    origin,
    proxy,
    proxyShown: proxy === null ? null : `${proxy.protocol}//${proxy.host}`,
    authorities: trusted,
    requestOptions(onProxyAnswer) {
      const security = encrypted ? { secureContext: secureContext() } : {};
      if (proxy === null) return security;
      const agent = new HttpsProxyAgent(proxy, { ...security, timeout: CONNECT_DEADLINE_MS });
      if (onProxyAnswer) agent.on('proxyConnect', (answer: { statusCode: number }) => onProxyAnswer(answer.statusCode));
      return { ...security, agent };
    },
  };
}

function proxyFor(origin: URL, configured: string | undefined): URL | null {
  const text = configured !== undefined && configured !== '' ? configured : getProxyForUrl(origin.href);
  if (text === '') return null;
  let proxy: URL;
  try {
    proxy = new URL(text.includes('://') ? text : `http://${text}`);
  } catch {
    // The text may hold a password: it is not repeated.
    throw new AgentExit(
      AGENT_EXIT.configuration,
      'proxy: this is not an address.',
      'It must be like http://host:port.',
    );
  }
  if (proxy.protocol !== 'http:' && proxy.protocol !== 'https:') {
    throw new AgentExit(
      AGENT_EXIT.configuration,
      `proxy: ${proxy.protocol}// proxies are not supported.`,
      'It must be like http://host:port.',
    );
  }
  return proxy;
}

function trustedAuthorities(own: string | undefined): readonly string[] {
  const all = new Set([...getCACertificates('default'), ...getCACertificates('system')]);
  if (own !== undefined) all.add(own);
  return [...all];
}

function makeContext(authorities: readonly string[]): SecureContext {
  try {
    return createSecureContext({ ca: [...authorities], minVersion: 'TLSv1.2' });
  } catch (error) {
    throw new AgentExit(
      AGENT_EXIT.configuration,
      `ca: the certificates cannot be used (${error instanceof Error ? error.message : String(error)}).`,
      'Give certificates in PEM.',
    );
  }
}
