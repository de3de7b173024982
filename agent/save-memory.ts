import { setFlagsFromString } from 'node:v8';

// Imported first, for its effect on all that follows: the agent lives on hosts that were set up for other work, and what it
// does often is done by the system (pipes, files, sockets), not by JavaScript. With this, V8 lets less garbage pile up:
// about 90 MB instead of 130 MB while a step prints 200 MB, at the same speed.
setFlagsFromString('--optimize-for-size');
