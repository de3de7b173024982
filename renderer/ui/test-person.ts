import type { Me } from '../../protocol/api/identity.ts';

/** Who is signed in, for tests. */
export function testPerson(may: Me['may'] = ['read', 'run', 'manage']): Me {
  return {
    user: { id: '00000000-0000-4000-8000-00000000000a', name: 'ann', role: 'owner' },
    csrf: 'csrf',
    may,
    coordinator: {
      id: '00000000-0000-4000-8000-00000000000b',
      version: '0.1.0',
      protocol: 1,
      publicKey: 'A'.repeat(43),
      embedded: true,
      url: 'http://127.0.0.1:4440',
      time: '2026-11-23T20:15:00.000Z',
    },
  };
}
