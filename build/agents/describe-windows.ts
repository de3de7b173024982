import { open, readFile } from 'node:fs/promises';
import { NtExecutable, NtExecutableResource, Resource } from 'resedit';

/** What Windows shows of a program: in its properties, the task manager and the question whether it may run. */
export interface ProgramDescription {
  readonly fileName: string;
  readonly productVersion: string;
  readonly nodeVersion: string;
}

const LANGUAGE = { lang: 0x409, codepage: 1200 } as const;

/**
 * A Windows runtime with our name and version in place of Node's, and without its signature, which fits no longer. Before
 * anything is injected: the library would not find its way in what the packer leaves.
 * @throws Error when it is no Windows program with a description.
 */
export function describeWindowsRuntime(
  runtime: Buffer,
  { fileName, productVersion, nodeVersion }: ProgramDescription,
): Buffer<ArrayBuffer> {
  const program = NtExecutable.from(runtime, { ignoreCert: true });
  const resources = NtExecutableResource.from(program);
  const [info] = Resource.VersionInfo.fromEntries(resources.entries);
  if (!info) throw new Error('the runtime has no description to replace');
  const [major = 0, minor = 0, patch = 0] = productVersion.split('.').map((part) => Number.parseInt(part, 10) || 0);
  info.setFileVersion(major, minor, patch, 0, LANGUAGE.lang);
  info.setProductVersion(major, minor, patch, 0, LANGUAGE.lang);
  info.setStringValues(LANGUAGE, {
    ProductName: 'Outrunner',
    FileDescription: 'Outrunner Runner agent',
    CompanyName: 'Outrunner',
    InternalName: fileName.replace(/\.exe$/, ''),
    OriginalFilename: fileName,
    FileVersion: productVersion,
    ProductVersion: productVersion,
    LegalCopyright: `Apache-2.0. Contains Node.js ${nodeVersion}, copyright Node.js contributors, MIT licence.`,
  });
  info.outputToResourceEntries(resources.entries);
  resources.outputResource(program);
  return Buffer.from(program.generate());
}

/** Where a PE file says where its header is, and where in that header its checksum is. */
const HEADER_POINTER = 0x3c;
const CHECKSUM = 0x58;

/**
 * Writes the checksum that the content of a Windows program has into its header. The packer leaves the old one; Windows does
 * not mind, but scanners take it for a sign of tampering. A signature brings its own.
 */
export async function correctChecksum(path: string): Promise<void> {
  const content = await readFile(path);
  const at = content.readUInt32LE(HEADER_POINTER) + CHECKSUM;
  content.writeUInt32LE(0, at);
  let sum = 0;
  for (let offset = 0; offset + 1 < content.length; offset += 2) {
    sum += content.readUInt16LE(offset);
    sum = (sum & 0xffff) + (sum >>> 16);
  }
  if (content.length % 2 === 1) sum += content[content.length - 1] ?? 0;
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(((sum & 0xffff) + (sum >>> 16) + content.length) >>> 0);
  const file = await open(path, 'r+');
  try {
    await file.write(checksum, 0, 4, at);
  } finally {
    await file.close();
  }
}
