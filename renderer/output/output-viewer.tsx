import { type KeyboardEvent, useCallback, useDeferredValue, useMemo, useRef, useState } from 'react';
import { ProblemAlert } from '../ui/problem-alert.tsx';
import { toastDone, toastProblem } from '../ui/toast.tsx';
import { LineView } from './line-view.ts';
import classes from './output.module.css';
import { OutputFooter } from './output-footer.tsx';
import { OutputLog, type OutputLogHandle } from './output-log.tsx';
import type { OutputSession } from './output-session.ts';
import { outputSettings, setOutputSettings } from './output-settings.ts';
import { type OutputStep, OutputToolbar } from './output-toolbar.tsx';
import { type OutputFormat, readOutput, saveFile } from './save-output.ts';
import { useLineSearch } from './use-line-search.ts';
import { useOutputSnapshot } from './use-output-session.ts';
import { viewText } from './view-text.ts';

interface Props {
  readonly session: OutputSession;
  readonly executionId: string;
  /** Begins the name of a downloaded file. */
  readonly name: string;
  /** Bytes of the stored journal, as the coordinator last said. */
  readonly bytes: number;
  readonly steps: readonly OutputStep[];
  /** The step whose output is shown; null: all. */
  readonly step: number | null;
  readonly onStep: (step: number | null) => void;
  /** What stands there while nothing was printed. */
  readonly nothing: string;
  readonly className?: string;
}

/** The log of an execution: live, searchable, in colours. It takes the height that it is given. */
export function OutputViewer({ session, executionId, name, bytes, steps, step, onStep, nothing, className }: Props) {
  const snapshot = useOutputSnapshot(session);
  const { version, stream } = snapshot;
  const { wrap, timestamps } = outputSettings();
  const [following, setFollowing] = useState(true);
  const [typed, setTyped] = useState('');
  const wanted = useDeferredValue(typed);
  const [saving, setSaving] = useState(false);
  const log = useRef<OutputLogHandle>(null);
  const searchField = useRef<HTMLInputElement>(null);
  const place = useRef(0);

  const view = useMemo(() => new LineView(session.store, step), [session, step]);
  view.update();
  const showLine = useCallback((line: number) => log.current?.showLine(line), []);
  const search = useLineSearch(session, view, version, wanted, typed !== wanted, showLine);

  const save = async (format: OutputFormat) => {
    setSaving(true);
    try {
      const content = await readOutput(executionId, format, bytes, new AbortController().signal);
      saveFile(content, `${name}.${format === 'text' ? 'log' : 'journal'}`);
    } catch (error) {
      toastProblem('The output was not downloaded', error);
    } finally {
      setSaving(false);
    }
  };
  const copy = async () => {
    const text = viewText(session.store, view);
    try {
      if (text === null) throw new Error('The output is too long for the clipboard. Download it instead.');
      await navigator.clipboard.writeText(text);
      toastDone(`Copied ${view.count.toLocaleString()} ${view.count === 1 ? 'line' : 'lines'}`);
    } catch (error) {
      toastProblem('The output was not copied', error);
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // The browser's own search sees only the lines that are drawn.
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'f') return;
    event.preventDefault();
    searchField.current?.select();
  };

  return (
    <section className={`${classes.viewer} ${className ?? ''}`} aria-label="Output" onKeyDown={onKeyDown}>
      <OutputToolbar
        steps={steps}
        step={step}
        onStep={onStep}
        search={{ ...search, wanted: typed }}
        onWanted={setTyped}
        searchField={searchField}
        live={stream.state !== 'complete' && stream.state !== 'failed'}
        following={following}
        onFollowing={setFollowing}
        wrap={wrap}
        onWrap={() => setOutputSettings({ wrap: !wrap })}
        timestamps={timestamps}
        onTimestamps={() => setOutputSettings({ timestamps: !timestamps })}
        onCopy={() => void copy()}
        onSave={(format) => void save(format)}
        saving={saving}
      />
      <div className={classes.frame}>
        <OutputLog
          key={`${step} ${wrap}`}
          ref={log}
          session={session}
          view={view}
          version={version}
          label={`Output of ${name}`}
          wrap={wrap}
          timestamps={timestamps}
          wanted={wanted}
          current={search.current?.line ?? null}
          following={following}
          onFollowing={setFollowing}
          place={place}
        />
        {view.count === 0 && stream.state !== 'failed' && <div className={classes.nothing}>{nothing}</div>}
      </div>
      {stream.state === 'failed' && <ProblemAlert error={stream.error} />}
      <OutputFooter
        snapshot={snapshot}
        shown={view.count}
        bytes={bytes}
        following={following}
        onSaveText={() => void save('text')}
      />
    </section>
  );
}
