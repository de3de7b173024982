import { z } from 'zod';

/** Search of the job list, as it stands in the address. */
export const JobsSearchSchema = z.object({ search: z.string().optional().catch(undefined) });

export const EDITOR_TABS = ['details', 'workflow', 'options', 'runners', 'other'] as const;
export type EditorTab = (typeof EDITOR_TABS)[number];

/** Tab of the editor, as it stands in the address. */
export const JobEditorSearchSchema = z.object({ tab: z.enum(EDITOR_TABS).optional().catch(undefined) });
