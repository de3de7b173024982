import type { PlatformTarget } from '../../protocol/enrolment.ts';
import { AGENT_TARGET_TABLE } from '../../protocol/release.ts';

/** A platform as people call it. */
export function platformName(platform: PlatformTarget): string {
  return AGENT_TARGET_TABLE[platform].label;
}
