import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { BytesCall } from './call.ts';

/** What the route says of itself, for those who log and count. */
const QUIET = { quiet: true };

/** Whether nobody wants a line about this request as long as it goes well. */
export function isQuiet(request: FastifyRequest): boolean {
  return request.routeOptions.config !== undefined && 'quiet' in request.routeOptions.config;
}

/** Answers a call of bytes; its body is read as they are. In a scope of its own: all other routes take JSON alone. */
export function serveBytesOn(fastify: FastifyInstance, call: BytesCall): void {
  void fastify.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(call.contentType, { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    scope.route({
      method: 'POST',
      url: call.path,
      bodyLimit: call.maxBodyBytes,
      config: QUIET,
      onRequest: async (request) => call.admit(request.headers),
      async handler(request, reply) {
        const { headers, ip } = request;
        const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
        const answer = await call.handler(body, { headers, address: ip, way: wayOf(reply) });
        return reply.type(call.contentType).header('cache-control', 'no-store').send(answer);
      },
    });
  });
}

function wayOf(reply: FastifyReply) {
  return {
    over(listener: (hasLeft: boolean) => void) {
      if (reply.raw.closed) listener(reply.raw.writableFinished);
      else reply.raw.once('close', () => listener(reply.raw.writableFinished));
    },
  };
}
