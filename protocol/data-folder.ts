import { z } from 'zod';

/** What the coordinator's data folder says to other programs of the same person: the desktop shell and `npm start`. */

/** Name of the default data folder, in the home folder. */
export const DATA_FOLDER_NAME = '.outrunner';
/** Environment variable that names another data folder. */
export const DATA_FOLDER_VARIABLE = 'OUTRUNNER_DATA_DIR';
export const DEFAULT_HOST = '127.0.0.1';
export const DEFAULT_PORT = 4440;

/** There while a coordinator runs on the folder; may be left over from one that was killed, so ask `/api/v1/health`. */
export const COORDINATOR_FILE = 'coordinator.json';
export const CoordinatorFileSchema = z.object({
  /** Base address, without a path: `http://127.0.0.1:4440`. */
  url: z.string().regex(/^https?:\/\/[^/?#\s]+\/?$/),
  pid: z.number().int().positive(),
});
export type CoordinatorFile = z.infer<typeof CoordinatorFileSchema>;

/** Mode 0600. Its content, without white space around it, signs the owner in: `POST /session {ticket, carrier: 'bearer'}`. */
export const OWNER_TICKET_FILE = 'owner.ticket';
