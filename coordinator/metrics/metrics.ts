import { route } from '../../protocol/api/route.ts';
import type { Clock } from '../../protocol/clock.ts';
import { PRODUCT_VERSION, PROTOCOL_VERSION } from '../../protocol/version.ts';
import type { Serve } from '../http/call.ts';
import type { RequestCounts } from '../http/request-counts.ts';
import type { Runners } from '../runners/runners.ts';
import type { Store } from '../store/store.ts';

export interface MetricsDeps {
  readonly clock: Clock;
  readonly store: Store;
  readonly runners: Runners;
  readonly counts: RequestCounts;
}

const metricsRoute = route({
  method: 'GET',
  path: '/metrics',
  summary: 'Figures for monitoring, as Prometheus reads them',
  access: 'user',
  status: 200,
  stream: { contentType: 'text/plain; version=0.0.4', description: 'Prometheus text' },
});

/** `GET /metrics`. Nothing is measured for it between two readings: all figures are there anyway. */
export function serveMetrics(serve: Serve, deps: MetricsDeps): void {
  const startedAt = deps.clock.monotonic();
  serve(metricsRoute, async () => {
    // Loaded when it is asked for: the start need not wait for it.
    const { Gauge, Counter, Registry } = await import('prom-client');
    const registry = new Registry();
    const registers = [registry];
    const gauge = (name: string, help: string, labelNames: string[] = []) =>
      new Gauge({ name, help, labelNames, registers });
    gauge('outrunner_info', 'Version of the coordinator.', ['version', 'protocol']).set(
      { version: PRODUCT_VERSION, protocol: String(PROTOCOL_VERSION) },
      1,
    );
    gauge('outrunner_uptime_seconds', 'Seconds since the coordinator started.').set(
      (deps.clock.monotonic() - startedAt) / 1000,
    );
    const memory = process.memoryUsage();
    gauge('process_resident_memory_bytes', 'Resident memory.').set(memory.rss);
    gauge('nodejs_heap_size_used_bytes', 'Used heap.').set(memory.heapUsed);
    const cpu = process.cpuUsage();
    new Counter({ name: 'process_cpu_seconds_total', help: 'Processor time.', registers }).inc(
      (cpu.user + cpu.system) / 1e6,
    );
    const runnersByStatus = gauge('outrunner_runners', 'Runners by status.', ['status']);
    for (const [status, count] of statusCounts(deps.runners)) runnersByStatus.set({ status }, count);
    const executions = gauge('outrunner_executions_active', 'Executions that have not ended, by state.', ['state']);
    for (const { state, count } of await activeExecutions(deps.store)) executions.set({ state }, count);
    const requests = new Counter({
      name: 'outrunner_http_requests_total',
      help: 'Requests answered.',
      labelNames: ['method', 'status'],
      registers,
    });
    const seconds = new Counter({
      name: 'outrunner_http_request_seconds_total',
      help: 'Time spent on answering.',
      labelNames: ['method', 'status'],
      registers,
    });
    for (const { method, status, count, seconds: spent } of deps.counts.rows()) {
      requests.inc({ method, status }, count);
      seconds.inc({ method, status }, spent);
    }
    return { headers: { 'content-type': registry.contentType }, body: await registry.metrics() };
  });
}

function statusCounts(runners: Runners): Map<string, number> {
  const counts = new Map<string, number>(
    ['New', 'Healthy', 'Busy', 'Unhealthy', 'Unknown', 'Down'].map((status) => [status, 0]),
  );
  for (const { row } of runners.index.all()) {
    const { status } = runners.status(row.id);
    counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  return counts;
}

function activeExecutions(store: Store) {
  return store.read
    .selectFrom('execution')
    .select((execution) => ['state', execution.fn.countAll<number>().as('count')])
    .where('state', 'in', ['scheduled', 'queued', 'running', 'stopping'])
    .groupBy('state')
    .execute();
}
