import { Stepper } from '@mantine/core';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useMay } from '../../api/use-blocked.ts';
import { NoPermission } from '../../ui/data-state.tsx';
import { PageHeader } from '../../ui/page-header.tsx';
import { ConfirmationStep } from './confirmation-step.tsx';
import { DetailsStep } from './details-step.tsx';
import { type Draft, emptyDraft, useDraft } from './draft-store.ts';
import { NodeDispatchStep } from './node-dispatch-step.tsx';
import { ProjectsStep } from './projects-step.tsx';
import classes from './wizard.module.css';

/** Create Runner: three steps. The draft is kept until it is cancelled or completed. */
export function WizardScreen() {
  const { project = null } = useParams({ strict: false });
  const navigate = useNavigate();
  const may = useMay('manage');
  const { draft: stored, change, clear } = useDraft(project);
  // Not stored before something is typed, but the same key for as long as this screen stands.
  const [fresh] = useState(() => emptyDraft(project));
  const draft: Draft = stored ?? fresh;
  const update = (part: Partial<Draft>) => change(stored === null ? { ...fresh, ...part } : part);

  const leave = () => {
    if (project === null) return navigate({ to: '/runners' });
    return navigate({ to: '/projects/$project/runners', params: { project } });
  };
  const end = async () => {
    await leave();
    clear();
  };
  const list = project === null ? '/runners' : `/projects/${encodeURIComponent(project)}/runners`;
  const steps = { draft, change: update, onCancel: () => void end() };

  if (!may) return <NoPermission />;
  return (
    <div className={classes.wizard}>
      <PageHeader
        title="Create Runner"
        crumbs={[{ label: 'Runner Management', to: list }, { label: 'Create Runner' }]}
      />
      <Stepper active={draft.step} size="sm" iconSize={30} mb="lg" allowNextStepsSelect={false}>
        <Stepper.Step label="Create Runner" />
        <Stepper.Step label={project === null ? 'Project Assignment' : 'Node Dispatch'} />
        <Stepper.Step label="Confirmation" />
      </Stepper>
      {draft.step === 0 && <DetailsStep {...steps} />}
      {draft.step === 1 && project === null && <ProjectsStep {...steps} />}
      {draft.step === 1 && project !== null && <NodeDispatchStep {...steps} project={project} />}
      {draft.step === 2 && <ConfirmationStep {...steps} onComplete={() => void end()} />}
    </div>
  );
}
