import { contextBridge, type IpcRendererEvent, ipcRenderer } from 'electron';
import { z } from 'zod';
import {
  type DesktopBridge,
  IPC,
  IPC_EVENTS,
  type IpcChannel,
  type IpcEvent,
  IpcReplySchema,
} from '../protocol/ipc.ts';

// The page's policy forbids code from text; zod would try it once to find out.
z.config({ jitless: true });

/** Functions from the page are called from here: what they throw belongs to the page, not to this script. */
const bridge: DesktopBridge = {
  async invoke(channel: IpcChannel, input) {
    if (!Object.hasOwn(IPC, channel)) throw new Error('This is not a channel of the desktop shell.');
    const reply = IpcReplySchema.parse(await ipcRenderer.invoke(`outrunner:${channel}`, input));
    // A plain object, because an Error keeps nothing but its text on the way to the page.
    // oxlint-disable-next-line typescript/only-throw-error
    if (!reply.ok) throw reply.problem;
    return reply.value as never;
  },
  on(event: IpcEvent, listener) {
    if (!Object.hasOwn(IPC_EVENTS, event)) throw new Error('This is not an event of the desktop shell.');
    // The event object carries `sender`: it never goes to the page.
    const forward = (_event: IpcRendererEvent, payload: unknown) => {
      listener(IPC_EVENTS[event].parse(payload) as never);
    };
    ipcRenderer.on(`outrunner:${event}`, forward);
    return () => {
      ipcRenderer.off(`outrunner:${event}`, forward);
    };
  },
};

contextBridge.exposeInMainWorld('outrunner', bridge);
