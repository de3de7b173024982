import { Button, Collapse, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { useId, useState } from 'react';
import { ProxyUrlSchema } from '../../../protocol/package-options.ts';
import { CaPemSchema } from '../../../protocol/trust-fields.ts';

/** How the host reaches the coordinator, as it was typed. */
export interface Connection {
  readonly proxy: string;
  readonly ca: string;
}

export interface ConnectionProblems {
  readonly proxy: string | null;
  readonly ca: string | null;
}

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
}

/** Proxy and certificates of the network that the host is in; folded away, because most need neither. */
export function ConnectionFields({ value, problems, onChange }: Props) {
  const wrong = (problems.proxy ?? problems.ca) !== null;
  const [opened, setOpened] = useState(false);
  const id = useId();
  const open = opened || wrong;
  const Chevron = open ? IconChevronDown : IconChevronRight;
  const set = [value.proxy === '' ? null : 'proxy', value.ca.trim() === '' ? null : 'certificates'].filter(Boolean);
  return (
    <div>
      <Button
        variant="subtle"
        color="gray"
        size="compact-sm"
        leftSection={<Chevron size={15} aria-hidden />}
        onClick={() => setOpened(!open)}
        aria-expanded={open}
        aria-controls={id}
        ml={-8}
      >
        Proxy and certificates of the host’s network
      </Button>
      {!open && set.length > 0 && (
        <Text span size="xs" c="dimmed" ml={4}>
          {set.join(' and ')} set
        </Text>
      )}
      <Collapse expanded={open} id={id} transitionDuration={0}>
        <Stack gap="sm" pt={6} maw={620}>
          <TextInput
            label="Proxy"
            description="Goes into the package and into the commands below. Empty: what the host’s environment says."
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
      </Collapse>
    </div>
  );
}
