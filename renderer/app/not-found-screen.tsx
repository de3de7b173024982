import { Button } from '@mantine/core';
import { IconMapOff } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useEffect } from 'react';
import { EmptyState } from '../ui/empty-state.tsx';

/** For an address that leads nowhere. */
export function NotFoundScreen() {
  useEffect(() => {
    document.title = 'Not found · Outrunner';
  }, []);
  return (
    <EmptyState
      icon={<IconMapOff size={28} />}
      level={1}
      whole
      title="There is nothing at this address"
      action={
        <Button component={Link} to="/projects" variant="default">
          Go to the projects
        </Button>
      }
    >
      It may have been deleted, or the address has a mistake.
    </EmptyState>
  );
}
