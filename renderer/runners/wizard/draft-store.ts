import { z } from 'zod';
import { create } from 'zustand';
import { createJSONStorage, persist } from 'zustand/middleware';
import { AssignmentSchema, ReplicaModeSchema } from '../../../protocol/api/runners.ts';
import { IdSchema } from '../../../protocol/fields.ts';

/**
 * What was filled in so far. Kept on this computer, so that a reload or a window closed by accident loses nothing;
 * deleted by Cancel and by the end of the wizard. One draft for the whole coordinator and one per project.
 */
export const DraftSchema = z.object({
  step: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  name: z.string(),
  description: z.string(),
  tags: z.array(z.string()),
  projects: z.array(AssignmentSchema),
  maxOperations: z.union([z.number(), z.string()]),
  replicas: ReplicaModeSchema,
  tokenHours: z.union([z.number(), z.string()]),
  /** Sent with the creation: however often the third step is entered with this draft, one Runner comes of it. */
  idempotencyKey: z.string(),
  /** The Runner, once it exists. */
  runnerId: IdSchema.nullable(),
});
export type Draft = z.output<typeof DraftSchema>;

const DraftsSchema = z.object({ drafts: z.record(z.string(), DraftSchema) });

/** A draft with nothing filled in; inside of a project that project is assigned. */
export function emptyDraft(project: string | null): Draft {
  return {
    step: 0,
    name: '',
    description: '',
    tags: [],
    projects: project === null ? [] : [{ project, asNode: true, remoteDispatch: false, nodeFilter: '.*' }],
    maxOperations: 50,
    replicas: 'single',
    tokenHours: 24,
    idempotencyKey: crypto.randomUUID(),
    runnerId: null,
  };
}

const keyOf = (project: string | null) => project ?? '';

interface DraftStore {
  readonly drafts: Readonly<Record<string, Draft>>;
}

export const draftStore = create<DraftStore>()(
  persist(() => ({ drafts: {} as Record<string, Draft> }), {
    name: 'outrunner.wizard-drafts',
    version: 1,
    storage: createJSONStorage(() => localStorage),
    // What lies in the browser's storage may be from another version, or anything at all: then it counts as nothing.
    merge: (stored, current) => {
      const parsed = DraftsSchema.safeParse(stored);
      return parsed.success ? parsed.data : current;
    },
  }),
);

/** The draft of this place, and how to change it and throw it away. */
export function useDraft(project: string | null) {
  const key = keyOf(project);
  const stored = draftStore((state) => state.drafts[key]);
  return {
    draft: stored ?? null,
    change: (part: Partial<Draft>) => changeDraft(project, part),
    clear: () => clearDraft(project),
  };
}

/** Changes the draft of this place; makes it if there is none. */
export function changeDraft(project: string | null, part: Partial<Draft>): void {
  const key = keyOf(project);
  draftStore.setState(({ drafts }) => ({
    drafts: { ...drafts, [key]: { ...(drafts[key] ?? emptyDraft(project)), ...part } },
  }));
}

/** Throws the draft of this place away. */
export function clearDraft(project: string | null): void {
  draftStore.setState(({ drafts }) => {
    const { [keyOf(project)]: _gone, ...others } = drafts;
    return { drafts: others };
  });
}
