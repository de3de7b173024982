import { Button } from '@mantine/core';
import { byteSize } from '../ui/byte-size.ts';
import classes from './output.module.css';
import type { OutputSnapshot } from './output-session.ts';
import type { StreamState } from './output-stream.ts';

interface Props {
  readonly snapshot: OutputSnapshot;
  /** Rows of the present view. */
  readonly shown: number;
  /** Bytes of the stored journal, as the coordinator last said. */
  readonly bytes: number;
  readonly following: boolean;
  readonly onSaveText: () => void;
}

/** How much there is, and whether more is coming. */
export function OutputFooter({ snapshot, shown, bytes, following, onSaveText }: Props) {
  const { first, stream } = snapshot;
  return (
    <div className={classes.footer}>
      <span>
        {shown.toLocaleString()} {shown === 1 ? 'line' : 'lines'}
        {bytes > 0 && ` · ${byteSize(bytes)}`}
      </span>
      {first > 0 && (
        <span>
          The first {first.toLocaleString()} lines are not kept in this window.{' '}
          <Button variant="transparent" size="compact-xs" onClick={onSaveText}>
            Download all
          </Button>
        </span>
      )}
      <span className={classes.spring} />
      <span role="status">{streamText(stream, following)}</span>
    </div>
  );
}

function streamText(stream: StreamState, following: boolean): string {
  switch (stream.state) {
    case 'connecting':
      return 'Connecting…';
    case 'streaming':
      return following ? 'Live, following the end' : 'Live, paused here';
    case 'complete':
      return 'Complete';
    case 'reconnecting':
      return 'The connection broke; reconnecting…';
    case 'failed':
      return 'The output could not be read to its end';
  }
}
