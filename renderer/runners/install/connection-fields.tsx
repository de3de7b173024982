import { Stack, Textarea, TextInput } from '@mantine/core';
import { ProxyUrlSchema } from '../../../protocol/package-options.ts';
import { CaPemSchema } from '../../../protocol/trust-fields.ts';
import { Folded } from '../../ui/folded.tsx';

/** How the host reaches the coordinator, as it was typed. */
export interface Connection {
  readonly proxy: string;
  readonly ca: string;
}

export interface ConnectionProblems {
  readonly proxy: string | null;
  readonly ca: string | null;
}

export const NO_CONNECTION: Connection = { proxy: '', ca: '' };

/** What is wrong with it, for people; both null when it can go into a package. */
export function connectionProblems({ proxy, ca }: Connection): ConnectionProblems {
  const proxyOk = proxy === '' || ProxyUrlSchema.safeParse(proxy).success;
  const caOk = ca.trim() === '' || CaPemSchema.safeParse(ca).success;
  return {
    proxy: proxyOk ? null : 'Write it like http://host:port, http://user:password@host:port or socks5://host:port.',
    ca: caOk ? null : 'Paste whole certificates, from BEGIN CERTIFICATE to END CERTIFICATE.',
  };
}

interface Props {
  readonly value: Connection;
  readonly problems: ConnectionProblems;
  readonly onChange: (change: Partial<Connection>) => void;
  /** Where the proxy goes. */
  readonly goesInto?: string;
}

/** Proxy and certificates of the network that the host is in; folded away, because most need neither. */
export function ConnectionFields({
  value,
  problems,
  onChange,
  goesInto = 'the package and into the commands below',
}: Props) {
  const wrong = (problems.proxy ?? problems.ca) !== null;
  const set = [value.proxy === '' ? null : 'proxy', value.ca.trim() === '' ? null : 'certificates'].filter(Boolean);
  return (
    <Folded
      label="Proxy and certificates of the host’s network"
      hint={set.length === 0 ? '' : `${set.join(' and ')} set`}
      forced={wrong}
    >
      <Stack gap="sm" pt={6} maw={620}>
        <TextInput
          label="Proxy"
          description={`Goes into ${goesInto}. Empty: what the host’s environment says.`}
          placeholder="http://proxy.example:3128"
          value={value.proxy}
          onChange={(event) => onChange({ proxy: event.currentTarget.value.trim() })}
          error={problems.proxy}
          autoComplete="off"
          spellCheck={false}
        />
        <Textarea
          label="Certificates of a private authority"
          description="PEM. Trusted beside those that the host trusts already."
          placeholder="-----BEGIN CERTIFICATE-----"
          value={value.ca}
          onChange={(event) => onChange({ ca: event.currentTarget.value })}
          error={problems.ca}
          autosize
          minRows={2}
          maxRows={6}
          spellCheck={false}
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 12 } }}
        />
      </Stack>
    </Folded>
  );
}
