/** What is said of one kind of problem; the fields are explained where the table of all of them is (`problems.ts`). */
export interface ProblemRow {
  readonly status: number;
  readonly retry: boolean;
  readonly title: string;
  readonly todo: string;
}
