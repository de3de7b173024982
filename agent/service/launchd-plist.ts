import { STOP_SECONDS } from '../../protocol/enrolment.ts';
import { launchdLabel } from '../installation/layout.ts';
import { escapeXml } from './escape-xml.ts';
import type { ServiceSpec } from './service-manager.ts';

/** Where people have their programs on a Mac; launchd gives the system's alone. */
const MAC_PATH = '/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin';

type Value = string | number | boolean | readonly string[] | { readonly [key: string]: Value };

/** The property list of an installed agent, for LaunchDaemons or LaunchAgents. */
export function launchdPlist({ layout, account, command, path }: ServiceSpec): string {
  const list: Record<string, Value> = {
    Label: launchdLabel(layout.name),
    ProgramArguments: command,
    WorkingDirectory: layout.state,
    EnvironmentVariables: { PATH: path ?? MAC_PATH },
    RunAtLoad: true,
    // The launcher turns an end that would be the same the next time into a success, and all others into a failure.
    KeepAlive: { SuccessfulExit: false },
    ThrottleInterval: 10,
    ExitTimeOut: STOP_SECONDS,
    // Without this, launchd slows down what a job does.
    ProcessType: 'Interactive',
    StandardErrorPath: `${layout.state}/launcher.log`,
    ...(account === null ? {} : { UserName: account.user }),
  };
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0">',
    element(list, ''),
    '</plist>',
    '',
  ].join('\n');
}

function element(value: Value, indent: string): string {
  if (typeof value === 'boolean') return `${indent}<${value}/>`;
  if (typeof value === 'number') return `${indent}<integer>${value}</integer>`;
  if (typeof value === 'string') return `${indent}<string>${escapeXml(value)}</string>`;
  const inner = `${indent}  `;
  if (isList(value))
    return [`${indent}<array>`, ...value.map((item) => element(item, inner)), `${indent}</array>`].join('\n');
  const entries = Object.entries(value).flatMap(([key, item]) => [
    `${inner}<key>${escapeXml(key)}</key>`,
    element(item, inner),
  ]);
  return [`${indent}<dict>`, ...entries, `${indent}</dict>`].join('\n');
}

function isList(value: Value): value is readonly string[] {
  return Array.isArray(value);
}
