import { Code, Stack, Text } from '@mantine/core';
import type { Authority, Trust } from '../../protocol/api/trust.ts';
import { coordinatorNow } from '../api/coordinator-clock.ts';
import { Section } from '../ui/section.tsx';
import { exactText } from '../ui/time-text.ts';
import classes from './trust.module.css';

/** Days before its end from which an authority is pointed at. */
const SOON_MS = 30 * 86_400_000;

/** The authorities of the coordinator's certificate, and how they are changed. */
export function AuthoritiesSection({ authorities }: Pick<Trust, 'authorities'>) {
  return (
    <Section title="Certificate authorities">
      <Stack gap="sm">
        {authorities === null ? (
          <Text size="sm" c="dimmed">
            No private authority is set: Runners take the certificates that their systems take. One of your own is named
            with <Code>--tls-ca</Code>.
          </Text>
        ) : (
          <ul className={classes.authorities}>
            {authorities.map((authority) => (
              <li key={authority.fingerprint}>
                <AuthorityFacts authority={authority} />
              </li>
            ))}
          </ul>
        )}
        <Text size="sm" c="dimmed">
          To change it: add the new authority to the file of <Code>--tls-ca</Code> and restart the coordinator; when all
          replicas know it, change the certificate; then take the old authority out. A Runner that was away for all of
          it finds back by the signing key.
        </Text>
      </Stack>
    </Section>
  );
}

function AuthorityFacts({ authority: { subject, fingerprint, notBefore, notAfter } }: { authority: Authority }) {
  const end = Date.parse(notAfter);
  const state = validity(Date.parse(notBefore), end, coordinatorNow());
  return (
    <>
      <div className={classes.subject}>{subject}</div>
      <div className={classes.quiet}>
        valid until {exactText(end)}
        {state !== null && <strong className={classes.warn}> · {state}</strong>}
      </div>
      <div className={classes.fingerprint} title="SHA-256 of the certificate">
        {fingerprint}
      </div>
    </>
  );
}

/** What is wrong with its time, if anything is. */
function validity(start: number, end: number, now: number): string | null {
  if (end <= now) return 'expired';
  if (start > now) return 'not valid yet';
  return end - now < SOON_MS ? 'expires soon' : null;
}
