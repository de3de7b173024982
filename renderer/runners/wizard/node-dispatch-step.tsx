import { Button, Stack, Text } from '@mantine/core';
import { type Assignment, AssignmentSchema } from '../../../protocol/api/runners.ts';
import { DispatchFields } from '../dispatch-fields.tsx';
import type { StepProps } from './step-props.ts';
import classes from './wizard.module.css';
import { WizardFoot } from './wizard-foot.tsx';

/** Step 2 inside of a project: how the Runner serves that project's nodes. */
export function NodeDispatchStep({ draft, change, onCancel, project }: StepProps & { project: string }) {
  const assignment: Assignment = draft.projects.find((one) => one.project === project) ?? {
    project,
    asNode: true,
    remoteDispatch: false,
    nodeFilter: '.*',
  };
  const checked = AssignmentSchema.safeParse(assignment);
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (checked.success) change({ projects: [assignment], step: 2 });
      }}
    >
      <div className={classes.panel}>
        <Stack gap="md" className={classes.fields}>
          <Text c="dimmed" size="sm">
            The Runner will be assigned to {project} alone. This is how it serves that project's nodes.
          </Text>
          <DispatchFields
            value={assignment}
            onChange={(part) => change({ projects: [{ ...assignment, ...part }] })}
            error={checked.error?.issues[0]?.message}
          />
        </Stack>
      </div>
      <WizardFoot onCancel={onCancel} onBack={() => change({ step: 0 })}>
        <Button type="submit" color="go">
          Next
        </Button>
      </WizardFoot>
    </form>
  );
}
