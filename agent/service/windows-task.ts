import type { Layout } from '../installation/layout.ts';
import { escapeXml } from './escape-xml.ts';
import { agentArguments } from './service-manager.ts';

/** The account of Windows that a start-up task runs as: few rights, known by its number in every language. */
export const LOCAL_SERVICE = 'S-1-5-19';

export interface TaskSpec {
  readonly layout: Layout;
  /** `DOMAIN\\name` for the scope `user`. */
  readonly user: string;
  /** Full path of Windows PowerShell. */
  readonly powershell: string;
}

/** One argument as the C runtime of Windows takes a command line apart: backslashes count only before a quotation mark. */
export function quoteWindows(argument: string): string {
  if (argument !== '' && !/[\s"]/.test(argument)) return argument;
  return `"${argument.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"`;
}

/** The task of an installed agent for Task Scheduler: a plain program cannot be a service of Windows. */
export function taskXml({ layout, user, powershell }: TaskSpec): string {
  const isSystem = layout.scope === 'system';
  const options = ['-NoLogo', '-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-WindowStyle', 'Hidden'];
  const words = [...options, '-File', layout.launcher, '-Service', ...agentArguments(layout)];
  const who = isSystem
    ? `<UserId>${LOCAL_SERVICE}</UserId>`
    : `<UserId>${escapeXml(user)}</UserId>\n      <LogonType>InteractiveToken</LogonType>`;
  const when = isSystem
    ? '<BootTrigger><Enabled>true</Enabled></BootTrigger>'
    : `<LogonTrigger><Enabled>true</Enabled><UserId>${escapeXml(user)}</UserId></LogonTrigger>`;
  return `<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>Outrunner agent. Written by "outrunner-agent service install", which writes it anew each time.</Description>
  </RegistrationInfo>
  <Triggers>
    ${when}
  </Triggers>
  <Principals>
    <Principal id="Agent">
      ${who}
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <IdleSettings>
      <StopOnIdleEnd>false</StopOnIdleEnd>
      <RestartOnIdle>false</RestartOnIdle>
    </IdleSettings>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>5</Priority>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>999</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="Agent">
    <Exec>
      <Command>${escapeXml(powershell)}</Command>
      <Arguments>${escapeXml(words.map(quoteWindows).join(' '))}</Arguments>
      <WorkingDirectory>${escapeXml(layout.state)}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
`;
}
