import { NewRunnerSchema } from '../../../protocol/api/runners.ts';
import { type FieldProblem, fieldsOf } from '../../../protocol/problems.ts';
import type { Draft } from './draft-store.ts';

/** The body that a draft becomes, before it is checked. Numbers may still be half typed. */
export function draftBody({ name, description, tags, projects, maxOperations, replicas, tokenHours }: Draft) {
  return { name, description, tags, projects, maxOperations, replicas, tokenHours };
}

/** What the coordinator would say of this draft: the same schema decides here and there. */
export function draftProblems(draft: Draft): FieldProblem[] {
  const checked = NewRunnerSchema.safeParse(draftBody(draft));
  return checked.success ? [] : fieldsOf(checked.error);
}

/** Which step shows a field. */
export function stepOfField(path: string): 0 | 1 {
  return path.split('.')[0] === 'projects' ? 1 : 0;
}
