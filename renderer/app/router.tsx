import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router';
import { z } from 'zod';
import { ProjectSearchSchema } from '../projects/project-search.ts';
import { RunnerSearchSchema } from '../runners/runner-search.ts';
import { LinesSkeleton } from '../ui/data-state.tsx';
import type { AppContext } from './app-context.ts';
import { FailedScreen } from './failed-screen.tsx';
import { NotFoundScreen } from './not-found-screen.tsx';
import { RootScreen } from './root-screen.tsx';

/**
 * Every address of the console. Screens are loaded when they are first gone to. Filters, sorting and tabs live in the
 * search part of the address, validated here; what is not valid there is dropped, never an error.
 */
const root = createRootRouteWithContext<AppContext>()({
  component: RootScreen,
  notFoundComponent: NotFoundScreen,
});

const at = <const Path extends string>(path: Path) => ({ getParentRoute: () => root, path });

const home = createRoute({
  ...at('/'),
  beforeLoad: () => {
    throw redirect({ to: '/projects' });
  },
});

const runners = createRoute({
  ...at('/runners'),
  validateSearch: RunnerSearchSchema,
  component: lazyRouteComponent(() => import('../runners/runners-screen.tsx'), 'RunnersScreen'),
});
const newRunner = createRoute({
  ...at('/runners/new'),
  component: lazyRouteComponent(() => import('../runners/wizard/wizard-screen.tsx'), 'WizardScreen'),
});
const runner = createRoute({
  ...at('/runners/$id'),
  validateSearch: z.object({
    tab: z.enum(['overview', 'replicas', 'projects', 'operations']).optional().catch(undefined),
  }),
  component: lazyRouteComponent(() => import('../runners/runner-screen.tsx'), 'RunnerScreen'),
});

const projects = createRoute({
  ...at('/projects'),
  validateSearch: ProjectSearchSchema,
  component: lazyRouteComponent(() => import('../projects/projects-screen.tsx'), 'ProjectsScreen'),
});
const project = createRoute({
  ...at('/projects/$project'),
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/projects/$project/jobs', params });
  },
});
const projectRunners = createRoute({
  ...at('/projects/$project/runners'),
  validateSearch: RunnerSearchSchema,
  component: lazyRouteComponent(() => import('../runners/project-runners-screen.tsx'), 'ProjectRunnersScreen'),
});
const newProjectRunner = createRoute({
  ...at('/projects/$project/runners/new'),
  component: lazyRouteComponent(() => import('../runners/wizard/wizard-screen.tsx'), 'WizardScreen'),
});
const projectSettings = createRoute({
  ...at('/projects/$project/settings'),
  component: lazyRouteComponent(() => import('../projects/project-settings-screen.tsx'), 'ProjectSettingsScreen'),
});

/** The screens of jobs and activity read their own search parameters: they are kept as they stand. */
const ownSearch = z.record(z.string(), z.unknown());

const jobs = createRoute({
  ...at('/projects/$project/jobs'),
  validateSearch: ownSearch,
  component: lazyRouteComponent(() => import('../jobs/jobs-screen.tsx'), 'JobsScreen'),
});
const newJob = createRoute({
  ...at('/projects/$project/jobs/new'),
  validateSearch: ownSearch,
  component: lazyRouteComponent(() => import('../jobs/job-editor-screen.tsx'), 'JobEditorScreen'),
});
const job = createRoute({
  ...at('/projects/$project/jobs/$id'),
  validateSearch: ownSearch,
  component: lazyRouteComponent(() => import('../jobs/job-screen.tsx'), 'JobScreen'),
});
const editJob = createRoute({
  ...at('/projects/$project/jobs/$id/edit'),
  validateSearch: ownSearch,
  component: lazyRouteComponent(() => import('../jobs/job-editor-screen.tsx'), 'JobEditorScreen'),
});
const commands = createRoute({
  ...at('/projects/$project/commands'),
  validateSearch: ownSearch,
  component: lazyRouteComponent(() => import('../commands/commands-screen.tsx'), 'CommandsScreen'),
});
const activity = createRoute({
  ...at('/projects/$project/activity'),
  validateSearch: ownSearch,
  component: lazyRouteComponent(() => import('../activity/activity-screen.tsx'), 'ActivityScreen'),
});
const execution = createRoute({
  ...at('/executions/$id'),
  validateSearch: ownSearch,
  component: lazyRouteComponent(() => import('../activity/execution-screen.tsx'), 'ExecutionScreen'),
});

const upgrades = createRoute({
  ...at('/upgrades'),
  component: lazyRouteComponent(() => import('../upgrades/upgrades-screen.tsx'), 'UpgradesScreen'),
});
const upgrade = createRoute({
  ...at('/upgrades/$id'),
  component: lazyRouteComponent(() => import('../upgrades/upgrade-screen.tsx'), 'UpgradeScreen'),
});

const tokens = createRoute({
  ...at('/tokens'),
  component: lazyRouteComponent(() => import('../settings/tokens-screen.tsx'), 'TokensScreen'),
});
const trust = createRoute({
  ...at('/trust'),
  component: lazyRouteComponent(() => import('../trust/trust-screen.tsx'), 'TrustScreen'),
});
const settings = createRoute({
  ...at('/settings'),
  component: lazyRouteComponent(() => import('../settings/settings-screen.tsx'), 'SettingsScreen'),
});
const about = createRoute({
  ...at('/about'),
  component: lazyRouteComponent(() => import('../settings/about-screen.tsx'), 'AboutScreen'),
});

const routeTree = root.addChildren([
  home,
  runners,
  newRunner,
  runner,
  projects,
  project,
  projectRunners,
  newProjectRunner,
  projectSettings,
  jobs,
  newJob,
  job,
  editJob,
  commands,
  activity,
  execution,
  upgrades,
  upgrade,
  tokens,
  trust,
  settings,
  about,
]);

/** Makes the router of the page. */
export function createAppRouter(context: AppContext) {
  return createRouter({
    routeTree,
    context,
    defaultPreload: 'intent',
    defaultNotFoundComponent: NotFoundScreen,
    defaultErrorComponent: FailedScreen,
    defaultPendingComponent: LinesSkeleton,
    scrollRestoration: true,
    // Plain text in the address: `?status=Down&search=12`, without the quotes of JSON.
    parseSearch: (search) => Object.fromEntries(new URLSearchParams(search)),
    stringifySearch: (search) => {
      const entries = Object.entries(search).filter(([, value]) => value !== undefined && value !== '');
      const text = new URLSearchParams(entries.map(([name, value]) => [name, String(value)])).toString();
      return text === '' ? '' : `?${text}`;
    },
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
