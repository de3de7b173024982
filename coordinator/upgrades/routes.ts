import { ROUTES } from '../../protocol/api/routes.ts';
import type { Serve } from '../http/call.ts';
import { pageBy } from '../http/page.ts';
import { upgradeSummary, upgradeView } from './upgrade-view.ts';
import type { Upgrades } from './upgrades.ts';

export function serveUpgrades(serve: Serve, upgrades: Upgrades): void {
  serve(ROUTES.listUpgrades, ({ query }) => {
    const wanted = upgrades.all().filter(({ row }) => query.state === undefined || row.state === query.state);
    const page = pageBy(wanted, query, ({ row }) => [row.created_at, row.id], true);
    return { ...page, items: page.items.map(upgradeSummary) };
  });
  serve(ROUTES.createUpgrade, ({ body }, { caller, onceId }) => upgrades.create(body, caller.account.name, onceId));
  serve(ROUTES.getUpgrade, ({ params, query }) => upgradeView(upgrades.get(params.id), query.runner));
  serve(ROUTES.pauseUpgrade, ({ params }, { caller }) => upgrades.pause(params.id, caller.account.name));
  serve(ROUTES.resumeUpgrade, ({ params }) => upgrades.resume(params.id));
  serve(ROUTES.cancelUpgrade, ({ params }, { caller }) => upgrades.cancel(params.id, caller.account.name));
}
