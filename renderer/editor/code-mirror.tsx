import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, indentUnit, StreamLanguage, syntaxHighlighting } from '@codemirror/language';
import { powerShell } from '@codemirror/legacy-modes/mode/powershell';
import { python } from '@codemirror/legacy-modes/mode/python';
import { shell } from '@codemirror/legacy-modes/mode/shell';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState, type Extension } from '@codemirror/state';
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { useEffect, useEffectEvent, useRef } from 'react';
import { styleNonce } from '../app/style-nonce.ts';
import classes from './editor.module.css';
import type { ScriptLanguage } from './script-language.ts';

export interface CodeMirrorProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly language: ScriptLanguage;
  readonly readOnly?: boolean;
  /** Accessible name and description, as ids of elements. */
  readonly labelledBy: string;
  readonly describedBy?: string;
  readonly invalid?: boolean;
}

const LANGUAGES: Readonly<Record<ScriptLanguage, Extension>> = {
  shell: StreamLanguage.define(shell),
  powershell: StreamLanguage.define(powerShell),
  python: StreamLanguage.define(python),
  plain: [],
};

/** Colours by variable, so that the theme of the page decides. */
const highlight = HighlightStyle.define([
  { tag: [tags.keyword, tags.controlKeyword, tags.operatorKeyword], color: 'var(--code-keyword)' },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: 'var(--code-string)' },
  { tag: [tags.comment, tags.lineComment, tags.blockComment, tags.meta], color: 'var(--code-comment)' },
  { tag: [tags.number, tags.bool, tags.atom], color: 'var(--code-number)' },
  { tag: [tags.variableName, tags.definition(tags.variableName), tags.propertyName], color: 'var(--code-variable)' },
  { tag: [tags.standard(tags.variableName), tags.function(tags.variableName)], color: 'var(--code-builtin)' },
]);

/** The part that never changes while an editor lives. Tab leaves the field after Escape, as WCAG wants it. */
function fixedExtensions(): Extension {
  const nonce = styleNonce();
  return [
    nonce === '' ? [] : EditorView.cspNonce.of(nonce),
    lineNumbers(),
    history(),
    drawSelection(),
    highlightActiveLine(),
    bracketMatching(),
    search({ top: true }),
    highlightSelectionMatches(),
    indentUnit.of('  '),
    syntaxHighlighting(highlight),
    keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap, indentWithTab]),
  ];
}

function changingExtensions({ language, readOnly, labelledBy, describedBy, invalid }: CodeMirrorProps): Extension {
  return [
    LANGUAGES[language],
    EditorState.readOnly.of(readOnly === true),
    EditorView.contentAttributes.of({
      'aria-labelledby': labelledBy,
      ...(describedBy === undefined ? {} : { 'aria-describedby': describedBy }),
      'aria-invalid': String(invalid === true),
      spellcheck: 'false',
      autocorrect: 'off',
      autocapitalize: 'off',
    }),
  ];
}

/** CodeMirror as a controlled field. Heavy: load it through `script-editor.tsx`. */
export default function CodeMirror(props: CodeMirrorProps) {
  const { value, language, readOnly, labelledBy, describedBy, invalid } = props;
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const changing = useRef(new Compartment());
  const onChange = useEffectEvent((text: string) => props.onChange(text));
  const first = useEffectEvent(() => ({ doc: value, extensions: changingExtensions(props) }));

  useEffect(() => {
    if (host.current === null) return;
    const { doc, extensions } = first();
    const made = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc,
        extensions: [
          fixedExtensions(),
          changing.current.of(extensions),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = made;
    return () => {
      view.current = null;
      made.destroy();
    };
  }, []);

  useEffect(() => {
    const now = view.current;
    const text = now?.state.doc.toString();
    // What the person just typed comes back as the value: then there is nothing to do.
    if (now === null || text === undefined || text === value) return;
    now.dispatch({ changes: { from: 0, to: text.length, insert: value } });
  }, [value]);

  const extensions = useEffectEvent(() => changingExtensions(props));
  // biome-ignore lint/correctness/useExhaustiveDependencies: what the extensions are made of
  useEffect(() => {
    view.current?.dispatch({ effects: changing.current.reconfigure(extensions()) });
  }, [language, readOnly, labelledBy, describedBy, invalid]);

  return <div ref={host} className={classes.code} />;
}
