import type { HostFacts } from '../../protocol/enrolment.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { type ProtocolRange, protocolStanding } from '../../protocol/version.ts';

/**
 * Why an agent that speaks `protocol` is turned away; null when it is not. Which of the two is the older one decides what a
 * person has to do about it.
 */
export function protocolRefused(protocol: number, host: HostFacts, range: ProtocolRange): OutrunnerError | null {
  const standing = protocolStanding(protocol, range);
  if (standing === 'works' || standing === 'upgrade-only') return null;
  const spoken =
    range.oldestUpgradable === range.current ? `${range.current}` : `${range.oldestUpgradable} to ${range.current}`;
  return new OutrunnerError(standing === 'too-new' ? 'protocol-too-new' : 'protocol-unsupported', {
    detail: `Version ${host.agentVersion} of the agent speaks protocol ${protocol}, this coordinator ${spoken}.`,
  });
}
