import { STOP_SECONDS } from '../../protocol/enrolment.ts';
import { FINAL_EXITS } from '../installation/launcher.ts';
import type { ServiceSpec } from './service-manager.ts';

/** First words of each unit that we write: a unit without them is somebody else's, and is let alone. */
export const UNIT_MARK = '# Written by "outrunner-agent service install"';
/** Read again at the next install, so that a repair keeps what was chosen. */
const NO_SUDO = 'NoNewPrivileges=yes';

/**
 * What a job of an ordinary account does not notice. Each of these makes systemd set "no new privileges", so that they come
 * and go together. Why these and no others: docs/decisions/0017-services.md.
 */
const HARDENING = [
  NO_SUDO,
  'LockPersonality=yes',
  'RestrictRealtime=yes',
  'SystemCallFilter=~@clock @module @raw-io @reboot @swap @obsolete',
  'SystemCallErrorNumber=EPERM',
];

/** The manager of a person may not take it away, and has none to give: there, the service would not start (218/CAPABILITIES). */
const SYSTEM_HARDENING = [...HARDENING, 'CapabilityBoundingSet='];

/** The unit of an installed agent. */
export function systemdUnit(spec: ServiceSpec): string {
  const { layout, account, command } = spec;
  const isSystem = layout.scope === 'system';
  const sections = [
    `${UNIT_MARK}, which writes it anew each time.`,
    `# Changes of your own belong into a drop-in: systemctl ${isSystem ? '' : '--user '}edit ${layout.name}`,
    '[Unit]',
    `Description=Outrunner agent${layout.name === 'outrunner-agent' ? '' : ` (${layout.name})`}`,
    ...(isSystem ? ['Wants=network-online.target', 'After=network-online.target'] : []),
    '# It is never given up, however often it ends.',
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    'Type=simple',
    `ExecStart=${command.map(quoteWord).join(' ')}`,
    `WorkingDirectory=-${escapePath(layout.home ?? layout.state)}`,
    ...(account === null ? [] : [`User=${account.user}`, `Group=${account.group}`]),
    ...(spec.path === null ? [] : [`Environment=${quoteSetting(`PATH=${spec.path}`)}`]),
    'Restart=always',
    'RestartSec=5',
    '# These would end the same way again; what to do stands in the last line of the log.',
    `RestartPreventExitStatus=${FINAL_EXITS.join(' ')}`,
    '# The launcher passes the wish to stop on; what still runs gets its time, and after that everything is ended.',
    'KillMode=mixed',
    `TimeoutStopSec=${STOP_SECONDS}`,
    '# Each operation gets a control group of its own, and one that runs out of memory does not end the agent.',
    'Delegate=yes',
    'OOMPolicy=continue',
    '# A core of the agent would hold its keys.',
    'LimitCORE=0:infinity',
    ...hardening(spec),
    '',
    '[Install]',
    `WantedBy=${isSystem ? 'multi-user.target' : 'default.target'}`,
    '',
  ];
  return sections.join('\n');
}

function hardening({ sudo, layout }: ServiceSpec): readonly string[] {
  if (sudo) return ['# Installed with --sudo: jobs may become other users.'];
  return layout.scope === 'system' ? SYSTEM_HARDENING : HARDENING;
}

/** What was chosen when this unit was written. */
export function readUnitChoices(unit: string): { readonly sudo: boolean } {
  return { sudo: !unit.split('\n').includes(NO_SUDO) };
}

/** One word of `ExecStart=`, whatever it holds: quoted for systemd, without specifiers and variables. */
export function quoteWord(word: string): string {
  // A dollar sign stands for a variable in command lines alone.
  return quoteSetting(word).replaceAll('$', '$$$$');
}

/** One word of a setting that takes words. */
function quoteSetting(word: string): string {
  const escaped = word.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%');
  const hex = (c: string) => (c < '\u0080' ? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}` : c);
  return `"${escaped.replace(/\p{Cc}/gu, hex)}"`;
}

/** A setting that takes one path, to the end of the line: quotes would be a part of it. */
export function escapePath(path: string): string {
  return path.replaceAll('%', '%%');
}
