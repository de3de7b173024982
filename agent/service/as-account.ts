import type { Account } from './service-account.ts';

/**
 * Does `work` with the rights of `account`, when this process is root and there is one. What lies in folders that the agent
 * may write to is touched in this way alone: a link that a job has planted there leads no further than the job could go itself.
 * Nothing else may run meanwhile: the whole process has the rights of the account.
 */
export async function asAccount<T>(account: Account | null, work: () => Promise<T>): Promise<T> {
  const { getuid, getgid, getgroups, setgroups, setegid, seteuid } = process;
  if (account === null || getuid?.() !== 0 || !getgid || !getgroups || !setgroups || !setegid || !seteuid)
    return await work();
  const [gid, groups] = [getgid(), getgroups()];
  try {
    setgroups([account.gid]);
    setegid(account.gid);
    seteuid(account.uid);
    return await work();
  } finally {
    seteuid(0);
    setegid(gid);
    setgroups(groups);
  }
}
