import { readFileSync } from 'node:fs';
import { BootedRoot } from '../../agent/testing/booted-root.ts';
import { freePort } from '../../coordinator/testing/ssh-server.ts';

/** The users of a {@link BootedSshHost} beside root. The password of each is its name followed by `-secret`. */
const USERS = ['asked', 'free', 'plain'] as const;

/** A whole host: a root of its own that a real systemd runs, with a real sshd in it. Its network is that of this machine. */
export interface BootedSshHost {
  readonly port: number;
  readonly fingerprint: string;
  /** Runs a shell command on the host as root and gives what it printed; rejects when it fails. */
  sh(command: string): Promise<string>;
  /** What an installation of a service of this name could have left anywhere on the host. */
  traces(name: string): Promise<string[]>;
  /** Folders that an installation over SSH made for itself and should be gone. */
  leftovers(): Promise<string[]>;
  close(): Promise<void>;
}

/** Boots one. Answers with the reason, as text, where systemd cannot be process 1 of such a root. */
export async function bootSshHost(): Promise<BootedSshHost | string> {
  const booted = new BootedRoot();
  try {
    const why = await booted.started();
    if (why !== '') {
      await booted.close();
      return why;
    }
    const sh = async (command: string) => {
      const { code, stdout, stderr } = await booted.run(['/bin/sh', '-c', command]);
      if (code !== 0) throw new Error(`${command} ended with ${code}: ${stdout}${stderr}`);
      return stdout.trim();
    };
    const port = await freePort();
    for (const name of USERS) await sh(`useradd --create-home --shell /bin/sh ${name}`);
    for (const name of [...USERS, 'root']) await sh(`echo '${name}:${name}-secret' | chpasswd`);
    booted.root.write('/etc/sudoers.d/tests', 'asked ALL=(ALL) ALL\nfree ALL=(ALL) NOPASSWD: ALL\n', 0o440);
    await sh("mkdir -p /run/sshd && rm -f /etc/ssh/test_key* && ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/test_key");
    const lines = [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      'HostKey /etc/ssh/test_key',
      'UsePAM no',
      'PermitRootLogin yes',
      'PasswordAuthentication yes',
      'PidFile none',
    ];
    booted.root.write('/etc/ssh/test_config', `${lines.join('\n')}\n`);
    await sh('systemd-run --quiet --unit=test-sshd /usr/sbin/sshd -D -f /etc/ssh/test_config');
    const [, fingerprint = ''] = (await sh('ssh-keygen -l -f /etc/ssh/test_key.pub')).split(' ');
    return {
      port,
      fingerprint,
      sh,
      async traces(name) {
        const places = `/etc/${name} /etc/systemd/system/${name}.service /opt/${name} /var/lib/${name}`;
        const found = await sh(`ls -d ${places} 2>/dev/null; true`);
        const accounts = ['/etc/passwd', '/etc/group'].filter((file) =>
          readFileSync(booted.root.path(file), 'utf8').includes(`${name}:`),
        );
        return [...found.split('\n').filter((one) => one !== ''), ...accounts];
      },
      async leftovers() {
        const found = await sh(
          'ls -d /tmp/outrunner.* /var/tmp/outrunner.* /root/outrunner.* /home/*/outrunner.* 2>/dev/null; true',
        );
        return found.split('\n').filter((one) => one !== '');
      },
      close: () => booted.close(),
    };
  } catch (error) {
    await booted.close();
    throw error;
  }
}
