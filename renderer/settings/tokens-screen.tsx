import { Code, Modal, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconKey, IconPlus } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import type { Token } from '../../protocol/api/identity.ts';
import { tokenMutations, tokenQueries } from '../api/token-queries.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { DataState } from '../ui/data-state.tsx';
import { type DataColumn, DataTable } from '../ui/data-table.tsx';
import { EmptyState } from '../ui/empty-state.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { RelativeTime } from '../ui/relative-time.tsx';
import { toastDone } from '../ui/toast.tsx';
import { NewTokenForm } from './new-token-form.tsx';

/** The signed-in person's API tokens. */
export function TokensScreen() {
  const query = useQuery(tokenQueries.list());
  const [creating, create] = useDisclosure();
  const [revoking, setRevoking] = useState<Token | null>(null);
  const [sort, setSort] = useState('name');
  const columns = useMemo(() => tokenColumns(setRevoking), []);
  const button = (
    <ActionButton needs="read" leftSection={<IconPlus size={16} aria-hidden />} onClick={create.open}>
      Create token
    </ActionButton>
  );
  return (
    <>
      <PageHeader
        title="API tokens"
        description="A script signs in with a token, as “Authorization: Bearer …”. It may do what you may do."
        actions={query.data?.length === 0 ? null : button}
      />
      <DataState
        query={query}
        isEmpty={(tokens) => tokens.length === 0}
        empty={
          <EmptyState icon={<IconKey size={28} />} title="No token yet" action={button}>
            Create one for each script, so that it can be revoked alone.
          </EmptyState>
        }
      >
        {(tokens) => (
          <DataTable
            label="API tokens"
            columns={columns}
            rows={tokens}
            rowId={({ id }) => id}
            sort={sort}
            onSort={setSort}
            minWidth={760}
            fill
          />
        )}
      </DataState>
      <Modal opened={creating} onClose={create.close} title="Create token" closeOnClickOutside={false}>
        <NewTokenForm onDone={create.close} />
      </Modal>
      <RevokeDialog token={revoking} onClose={() => setRevoking(null)} />
    </>
  );
}

function RevokeDialog({ token, onClose }: { token: Token | null; onClose: () => void }) {
  const revoke = useMutation(tokenMutations.revoke());
  const close = () => {
    revoke.reset();
    onClose();
  };
  return (
    <ConfirmDialog
      opened={token !== null}
      title={`Revoke ${token?.name ?? ''}?`}
      confirm="Revoke token"
      dangerous
      pending={revoke.isPending}
      error={revoke.error}
      onClose={close}
      onConfirm={() => {
        if (token === null) return;
        revoke.mutate(token.id, {
          onSuccess: () => {
            toastDone(`The token ${token.name} was revoked`);
            close();
          },
        });
      }}
    >
      Whatever uses it is refused from now on. This cannot be undone.
    </ConfirmDialog>
  );
}

function tokenColumns(onRevoke: (token: Token) => void): DataColumn<Token>[] {
  return [
    {
      id: 'name',
      header: 'Name',
      value: ({ name }) => name,
      cell: ({ name }) => (
        <Text inherit fw={600} truncate>
          {name}
        </Text>
      ),
    },
    { id: 'hint', header: 'Begins with', width: '140px', cell: ({ hint }) => <Code>{hint}…</Code> },
    {
      id: 'scope',
      header: 'Scope',
      width: '110px',
      value: ({ scope }) => scope,
      cell: ({ scope }) => <span>{scope === 'read' ? 'Read only' : 'Full'}</span>,
    },
    {
      id: 'createdAt',
      header: 'Created',
      width: '120px',
      value: ({ createdAt }) => Date.parse(createdAt),
      cell: ({ createdAt }) => <RelativeTime at={createdAt} />,
    },
    {
      id: 'lastUsedAt',
      header: 'Last used',
      width: '120px',
      value: ({ lastUsedAt }) => lastUsedAt && Date.parse(lastUsedAt),
      cell: ({ lastUsedAt }) => <RelativeTime at={lastUsedAt} />,
    },
    {
      id: 'expiresAt',
      header: 'Expires',
      width: '120px',
      value: ({ expiresAt }) => expiresAt && Date.parse(expiresAt),
      cell: ({ expiresAt }) => <RelativeTime at={expiresAt} />,
    },
    {
      id: 'actions',
      header: 'Actions',
      hiddenHeader: true,
      width: '100px',
      align: 'right',
      cell: (token) => (
        <ActionButton
          needs="read"
          size="compact-xs"
          variant="default"
          onClick={() => onRevoke(token)}
          aria-label={`Revoke ${token.name}`}
        >
          Revoke
        </ActionButton>
      ),
    },
  ];
}
