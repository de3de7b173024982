/** Something that the person who runs the build can mend; shown as one line without a stack. */
export class BuildError extends Error {}
