import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { z } from 'zod';
import type { Job } from '../../protocol/api/jobs.ts';
import { IdSchema } from '../../protocol/fields.ts';
import { jobQueries } from '../api/job-queries.ts';
import { useMay } from '../api/use-blocked.ts';
import { DataState, NoPermission } from '../ui/data-state.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { draftOf, emptyDraft } from './job-draft.ts';
import { JobEditor } from './job-editor.tsx';
import classes from './jobs.module.css';

/** `from`: the job that a new one is a copy of. */
const FromSchema = z.object({ from: IdSchema.optional().catch(undefined) });

/** Makes a job, makes one like another, or changes one. */
export function JobEditorScreen() {
  const { project = '', id } = useParams({ strict: false });
  const { from } = FromSchema.parse(useSearch({ strict: false }));
  const mayManage = useMay('manage');
  const source = id ?? from;
  const query = useQuery({ ...jobQueries.detail(source ?? ''), enabled: source !== undefined });
  if (!mayManage) return <NoPermission />;
  if (source === undefined) return <Editor project={project} id={null} job={null} />;
  return (
    <DataState screen="Job" query={query}>
      {(job) => <Editor key={source} project={project} id={id ?? null} job={job} />}
    </DataState>
  );
}

function Editor({ project, id, job }: { project: string; id: string | null; job: Job | null }) {
  const navigate = useNavigate();
  // As it was called when editing began.
  const [begun] = useState(job);
  const [initial] = useState(() => {
    if (begun === null) return emptyDraft();
    return id === null ? { ...draftOf(begun), name: `${begun.name} copy` } : draftOf(begun);
  });
  const jobsPath = `/projects/${encodeURIComponent(project)}/jobs`;
  const title = id === null ? 'New job' : `Edit ${begun?.name ?? ''}`;
  return (
    <div className={classes.screen}>
      <PageHeader
        title={title}
        crumbs={[
          { label: 'Jobs', to: jobsPath },
          ...(id === null || begun === null ? [] : [{ label: begun.name, to: `${jobsPath}/${id}` }]),
          { label: id === null ? 'New job' : 'Edit' },
        ]}
      />
      <JobEditor
        project={project}
        initial={initial}
        latest={id === null ? null : job}
        onCancel={() =>
          void (id === null
            ? navigate({ to: '/projects/$project/jobs', params: { project } })
            : navigate({ to: '/projects/$project/jobs/$id', params: { project, id } }))
        }
      />
    </div>
  );
}
