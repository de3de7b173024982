import type { PlatformTarget } from '../../../protocol/enrolment.ts';
import type { PlatformSignature } from '../../../protocol/release.ts';

/** What the system of a host finds in an executable, in words. */
export interface SignatureWords {
  /** `good`: it names who made it. `plain`: nothing that anybody has to know. `asks`: the system warns or stops. */
  readonly sign: 'good' | 'plain' | 'asks';
  readonly title: string;
  /** What that means for the person who starts it; a command stands between backticks. */
  readonly meaning: string;
}

const CHECKED = 'SHA-256 and the signature of the release are checked in any case.';
const TAKE_OFF =
  'What a browser has downloaded is stopped by Gatekeeper: use the one line, or check it and then take the mark off with `xattr -d com.apple.quarantine outrunner-agent`.';
const WINDOWS_WARNS =
  'Windows warns of an unknown publisher when a browser has downloaded it, and some companies let nothing unsigned start.';

/** What a development key is, after "Development build". */
export const DEVELOPMENT_KEY =
  'Signed with a key that was made on the machine that built it. Good for trying it out, not a release: agents of a release do not take it as an upgrade.';

/** `signature` is null when the build did not say. */
export function signatureWords(platform: PlatformTarget, signature: PlatformSignature | null): SignatureWords {
  if (signature === null) {
    return {
      sign: 'plain',
      title: 'Signature for the system not known',
      meaning: `The build did not say what the system finds in it. ${CHECKED}`,
    };
  }
  const signer = signature.signer ?? 'somebody who is not named';
  if (platform === 'win-x64') return onWindows(signature.kind, signer);
  return platform.startsWith('macos') ? onMac(platform, signature.kind, signer) : onLinux(signature.kind, signer);
}

function onLinux(kind: PlatformSignature['kind'], signer: string): SignatureWords {
  if (kind === 'none') {
    return { sign: 'plain', title: 'Not signed for Linux', meaning: `That is usual: Linux does not ask. ${CHECKED}` };
  }
  return { sign: 'plain', title: `Signed by ${signer}`, meaning: `Linux does not look at it. ${CHECKED}` };
}

function onWindows(kind: PlatformSignature['kind'], signer: string): SignatureWords {
  switch (kind) {
    case 'signed':
      return {
        sign: 'good',
        title: `Authenticode: signed by ${signer}`,
        meaning: 'Windows shows this name as the publisher.',
      };
    case 'development':
      return {
        sign: 'asks',
        title: `Authenticode: signed by ${signer}, for whom no authority vouches`,
        meaning: `Windows trusts that no more than no signature. ${WINDOWS_WARNS}`,
      };
    default:
      return { sign: 'asks', title: 'Not signed for Windows', meaning: `${WINDOWS_WARNS} ${CHECKED}` };
  }
}

function onMac(platform: PlatformTarget, kind: PlatformSignature['kind'], signer: string): SignatureWords {
  switch (kind) {
    case 'signed':
      return {
        sign: 'good',
        title: `Developer ID: signed by ${signer}`,
        meaning: 'It starts on every Mac; what a browser has downloaded, if Apple has notarised it.',
      };
    case 'development':
      return {
        sign: 'asks',
        title: `Signed by ${signer}, whom Apple does not know`,
        meaning: `It starts. ${TAKE_OFF}`,
      };
    case 'ad-hoc':
      return {
        sign: 'asks',
        title: 'Signed ad hoc, which names nobody',
        meaning: `${platform === 'macos-arm64' ? 'It starts on Apple silicon' : 'It starts'}. ${TAKE_OFF}`,
      };
    case 'none':
      return platform === 'macos-arm64'
        ? { sign: 'asks', title: 'Not signed for macOS', meaning: 'Apple silicon starts nothing that is not signed.' }
        : { sign: 'asks', title: 'Not signed for macOS', meaning: `It starts on Intel. ${TAKE_OFF}` };
  }
}
