import type { IpcMain, IpcMainInvokeEvent, WebContents } from 'electron';
import type { z } from 'zod';
import { IPC, IPC_EVENTS, type IpcChannel, type IpcEvent } from '../protocol/ipc.ts';
import { fieldsOf, OutrunnerError, toProblem } from '../protocol/problems.ts';
import { isOwnOrigin, isOwnUrl } from './own-url.ts';

/** One handler for each row of the table; a row without one does not compile. */
export type IpcHandlers = {
  [C in IpcChannel]: (input: z.output<(typeof IPC)[C]['input']>) => Promise<z.input<(typeof IPC)[C]['output']>>;
};

/** What decides whether a sender is our page: only fields that the browser process knows, none that the page sends. */
export type IpcSender = {
  readonly sender: unknown;
  readonly senderFrame: { readonly parent: unknown; readonly origin: string; readonly url: string } | null;
};

/** Channel names as Electron sees them, so that nothing else can share one by accident. */
export const ipcName = (channel: IpcChannel | IpcEvent): string => `outrunner:${channel}`;

/** Whether a message comes from the main frame of our window, while it shows our page. */
export function isOwnSender({ sender, senderFrame }: IpcSender, own: unknown): boolean {
  return (
    sender === own &&
    senderFrame !== null &&
    senderFrame.parent === null &&
    isOwnOrigin(senderFrame.origin) &&
    isOwnUrl(senderFrame.url)
  );
}

/**
 * Registers every channel of the table. Each message passes the same gate: sender, input schema, handler, output schema.
 * A foreign sender gets an error and is reported; a problem travels as a value, because Electron would cut it to its text.
 */
export function registerIpc(
  ipc: Pick<IpcMain, 'handle'>,
  handlers: IpcHandlers,
  own: () => WebContents | undefined,
  report: (message: string) => void,
): void {
  const register = <C extends IpcChannel>(channel: C) => {
    const { input, output } = IPC[channel] as { input: z.ZodType; output: z.ZodType };
    const handler = handlers[channel] as (input: unknown) => Promise<unknown>;
    ipc.handle(ipcName(channel), async (event: IpcMainInvokeEvent, payload: unknown) => {
      const window = own();
      if (window === undefined || !isOwnSender(event, window)) {
        report(`refused ${channel} from ${event.senderFrame?.url ?? 'a frame that is gone'}`);
        throw new Error(`${channel} was refused: the sender is not the console's page.`);
      }
      try {
        const parsed = input.safeParse(payload);
        if (!parsed.success) throw new OutrunnerError('invalid-input', { fields: fieldsOf(parsed.error) });
        return { ok: true, value: output.parse(await handler(parsed.data)) };
      } catch (error) {
        if (error instanceof OutrunnerError) return { ok: false, problem: toProblem(error) };
        report(`${channel} failed: ${error instanceof Error ? error.stack : error}`);
        return { ok: false, problem: toProblem(new OutrunnerError('internal', { cause: error })) };
      }
    });
  };
  for (const channel of Object.keys(IPC) as IpcChannel[]) register(channel);
}

/** Tells the page something, after the same check of its form. Does nothing when the window is gone. */
export function tellPage<E extends IpcEvent>(
  own: WebContents | undefined,
  event: E,
  payload: z.input<(typeof IPC_EVENTS)[E]>,
): void {
  if (own === undefined || own.isDestroyed() || !isOwnUrl(own.getURL())) return;
  own.send(ipcName(event), IPC_EVENTS[event].parse(payload));
}
