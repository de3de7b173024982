import path from 'node:path';
import { chromium } from '@playwright/test';
import { startCoordinator } from '../bench/harness/coordinator.ts';
import { startProgram } from '../bench/harness/process.ts';
import { chromiumLaunchOptions } from '../build/find-chromium.ts';
import { mainJob } from './main-job.ts';
import { certificateFor } from './support/certificate.ts';
import { capture, twoHosts, whyNoNamespaces } from './support/namespaces.ts';
import { expect, test } from './support/test.ts';

test('behind a firewall that lets nothing in, the whole main job works and the agent listens on nothing', async ({
  work,
}) => {
  const reason = await whyNoNamespaces();
  test.skip(reason !== null, reason ?? '');
  const hosts = await twoHosts();
  try {
    const { ca, cert, key } = await certificateFor(hosts.coordinatorAddress, work);
    const dataDir = path.join(work, 'coordinator');
    const coordinator = await startCoordinator({
      dataDir,
      port: 4440,
      wrap: hosts.onCoordinator,
      signIn: false,
      args: ['--host', hosts.coordinatorAddress, '--tls-cert', cert, '--tls-key', key, '--tls-ca', ca],
    });
    const link = startProgram(
      process.execPath,
      [path.join(import.meta.dirname, 'support/sign-in-link.ts'), coordinator.url, dataDir],
      {
        wrap: hosts.onCoordinator,
        env: { ...process.env, NODE_EXTRA_CA_CERTS: ca },
      },
    );
    const signInLink = (await link.line(/^https:\S+$/))[0];

    const { executablePath, ...options } = chromiumLaunchOptions();
    const browser = await chromium.launch({
      ...options,
      executablePath: await hosts.wrapper(executablePath ?? 'chromium', work),
    });
    const context = await browser.newContext({
      ignoreHTTPSErrors: true,
      viewport: { width: 1280, height: 800 },
      acceptDownloads: true,
    });
    const { program } = await mainJob({ page: await context.newPage(), signInLink, work, wrap: hosts.onAgent });
    await browser.close();

    // The firewall is real: a listener on the agent's host cannot be reached from the coordinator's host.
    const listener = startProgram(
      process.execPath,
      ['-e', `require('net').createServer().listen(7777, () => console.log('listening'))`],
      { wrap: hosts.onAgent },
    );
    await listener.line(/listening/);
    const knock = startProgram(
      process.execPath,
      [
        '-e',
        `require('net').connect({host:'${hosts.agentAddress}',port:7777,timeout:1500}).on('connect',()=>console.log('came in')).on('timeout',()=>{console.log('nothing came back');process.exit()}).on('error',e=>console.log(e.code))`,
      ],
      { wrap: hosts.onCoordinator },
    );
    await knock.line(/nothing came back/);
    await knock.stop();
    await listener.stop();

    expect(await capture([...hosts.onAgent, 'ss', '-H', '-lntup'])).toBe('');
    await program.stop('SIGTERM');
    await coordinator.stop();
  } finally {
    await hosts.remove();
  }
});
