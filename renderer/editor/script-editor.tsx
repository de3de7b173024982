import { Input, Skeleton } from '@mantine/core';
import { lazy, type ReactNode, Suspense, useId } from 'react';
import classes from './editor.module.css';
import { scriptLanguage } from './script-language.ts';

const CodeMirror = lazy(() => import('./code-mirror.tsx'));

interface Props {
  readonly label: ReactNode;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** Decides the colouring, with the script's first line. */
  readonly interpreter: string;
  readonly error?: ReactNode;
  readonly readOnly?: boolean;
  readonly required?: boolean;
}

/** A field for a script: a code editor with line numbers, colours, search (Ctrl+F) and undo. */
export function ScriptEditor({
  label,
  value,
  onChange,
  interpreter,
  error,
  readOnly = false,
  required = false,
}: Props) {
  const id = useId();
  const hint = readOnly ? '' : 'Tab indents; press Escape, then Tab, to leave the editor.';
  return (
    <div>
      <Input.Label id={`${id}-label`} labelElement="div" required={required}>
        {label}
      </Input.Label>
      <div className={classes.editor} data-invalid={error ? true : undefined}>
        <Suspense fallback={<Skeleton height={160} radius={0} role="status" aria-label="Loading the editor" />}>
          <CodeMirror
            value={value}
            onChange={onChange}
            language={scriptLanguage(interpreter, value)}
            readOnly={readOnly}
            labelledBy={`${id}-label`}
            describedBy={`${id}-hint`}
            invalid={Boolean(error)}
          />
        </Suspense>
      </div>
      <Input.Description id={`${id}-hint`} mt={4}>
        {hint}
      </Input.Description>
      {error && <Input.Error mt={4}>{error}</Input.Error>}
    </div>
  );
}
