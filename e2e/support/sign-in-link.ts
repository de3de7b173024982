import { apiClient } from '../../bench/harness/api-client.ts';
import { ownerToken } from '../../bench/harness/coordinator.ts';

/** Prints a one-time sign-in link for the coordinator at argv[2] on the data folder argv[3]: for hosts that only their own processes can reach. */
const [url, dataDir] = process.argv.slice(2) as [string, string];
const { ticket } = await apiClient(url, await ownerToken(url, dataDir)).call('createSignInLink');
console.log(`${url}/#ticket=${ticket}`);
