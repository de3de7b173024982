import { readFileSync } from 'node:fs';
import path from 'node:path';
import { _electron, type Browser, type ElectronApplication, type Page } from '@playwright/test';
import { findElectron } from '../../build/start/find-electron.ts';
import { importMain } from '../../electron/testing/import-main.ts';
import { StandIn } from '../../electron/testing/stand-in.ts';
import type { StandInAnswers } from '../../electron/testing/stand-in-services.ts';
import { CoordinatorFileSchema, DATA_FOLDER_VARIABLE } from '../../protocol/data-folder.ts';

const ROOT = path.join(import.meta.dirname, '../..');
export const ELECTRON = await findElectron();
/** In the release pipeline a missing runtime is a failure, not a skip. */
export const ELECTRON_REQUIRED = process.env.REQUIRE_ELECTRON === '1';

/** The built desktop shell while it runs, whatever carries it. */
export interface ShellUnderTest {
  readonly page: Page;
  readonly dataFolder: string;
  /** Address of the window as the main process sees it. */
  address(): Promise<string>;
  /** What the save dialog will answer. */
  saveTo(file: string): Promise<void>;
  /** Everything that was opened outside. */
  openedOutside(): Promise<string[]>;
  /** Ends it as a person does; resolves when its process, or what stands for it, is gone. */
  quit(): Promise<void>;
}

/** On the stand-in, where the test also answers what the shell asks outside of the page. */
export interface ShellOnStandIn extends ShellUnderTest {
  readonly answers: StandInAnswers;
}

export interface Place {
  readonly work: string;
  readonly browser: Browser;
  /** The folder of the app; that of the build when it is not said. */
  readonly appPath?: string;
}

export const coordinatorOf = (dataFolder: string) =>
  CoordinatorFileSchema.parse(JSON.parse(readFileSync(path.join(dataFolder, 'coordinator.json'), 'utf8')));

/** The shell on the stand-in of Electron: the real bundles, a real Chromium, a real coordinator. */
export async function openOnStandIn({ work, browser, appPath = ROOT }: Place): Promise<ShellOnStandIn> {
  const dataFolder = path.join(work, 'data');
  process.env[DATA_FOLDER_VARIABLE] = dataFolder;
  const standIn = new StandIn({ browser, userData: path.join(work, 'user'), appPath });
  await importMain(path.join(ROOT, 'dist/electron/main.js'), standIn);
  const window = await standIn.window();
  return {
    answers: standIn.answers,
    page: await window.webContents.page,
    dataFolder,
    address: () => Promise.resolve(window.webContents.getURL()),
    async saveTo(file) {
      standIn.answers.saveAs = () => file;
    },
    openedOutside: () =>
      Promise.resolve(
        standIn.answers.seen.filter(({ what }) => what === 'external').map(({ detail }) => String(detail)),
      ),
    async quit() {
      void standIn.quit();
      await standIn.exited;
      delete process.env[DATA_FOLDER_VARIABLE];
    },
  };
}

/** Starts the real Electron on the built shell, with folders of its own in `work`. */
export async function launchElectron(work: string): Promise<{ app: ElectronApplication; dataFolder: string }> {
  if (ELECTRON === null) throw new Error('REQUIRE_ELECTRON=1, and the Electron runtime is not installed.');
  const dataFolder = path.join(work, 'data');
  // It would make a bare Node of it.
  const { ELECTRON_RUN_AS_NODE: _node, ...env } = process.env;
  const app = await _electron.launch({
    executablePath: ELECTRON,
    args: [ROOT, `--user-data-dir=${path.join(work, 'user')}`, ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
    env: { ...env, [DATA_FOLDER_VARIABLE]: dataFolder } as Record<string, string>,
  });
  return { app, dataFolder };
}

/** The shell in the real Electron. Dialogs and the system's browser are the only things that are replaced. */
export async function openInElectron({ work }: Place): Promise<ShellUnderTest> {
  const { app, dataFolder } = await launchElectron(work);
  await app.evaluate(({ shell }) => {
    const opened: string[] = [];
    Object.assign(globalThis, { opened });
    shell.openExternal = (url: string) => {
      opened.push(url);
      return Promise.resolve();
    };
  });
  const page = await app.firstWindow();
  return {
    page,
    dataFolder,
    address: () => app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.getURL() ?? ''),
    saveTo: (file) =>
      app.evaluate(({ dialog }, filePath) => {
        dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath });
      }, file),
    openedOutside: () => app.evaluate(() => (globalThis as unknown as { opened: string[] }).opened),
    quit: () => app.close(),
  };
}
