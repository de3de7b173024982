/**
 * The check of Ed25519 signatures that `install.sh` asks Python 3 for, on Linux where neither OpenSSL nor OpenSSH can: RHEL 8 has
 * OpenSSL 1.1.1 and OpenSSH 8.0, and always a Python for its own tools. For Python 3.4 and later, with its standard library.
 * As strict as `ed25519-csharp.ts`, and tested beside it. It verifies alone, so that nothing in it is secret.
 */
export const ED25519_PYTHON = `# Verifies Ed25519 signatures (RFC 8032, section 5.1). Nothing here is secret: it need not take the same time for all.
import base64
import hashlib
import sys

p = 2**255 - 19
# The order of the base point.
L = 2**252 + 27742317777372353535851937790883648493
d = -121665 * pow(121666, p - 2, p) % p
root_of_minus_one = pow(2, (p - 1) // 4, p)
# Points are (X, Y, Z, T): x = X/Z, y = Y/Z, x*y = T/Z.
neutral = (0, 1, 1, 0)


# Section 5.1.4. This holds for any two points, also for one and itself.
def add(P, Q):
    a = (P[1] - P[0]) * (Q[1] - Q[0]) % p
    b = (P[1] + P[0]) * (Q[1] + Q[0]) % p
    c = 2 * P[3] * Q[3] * d % p
    e = 2 * P[2] * Q[2] % p
    return (b - a) * (e - c) % p, (e + c) * (b + a) % p, (e - c) * (e + c) % p, (b - a) * (b + a) % p


def multiply(number, P):
    product = neutral
    while number > 0:
        if number & 1:
            product = add(product, P)
        P = add(P, P)
        number >>= 1
    return product


def same(P, Q):
    return (P[0] * Q[2] - Q[0] * P[2]) % p == 0 and (P[1] * Q[2] - Q[1] * P[2]) % p == 0


# Section 5.1.3. None when it is no point of the curve, or not written in the one way in which it has to be.
def decode(data):
    y = int.from_bytes(data, "little")
    sign = y >> 255
    y &= 2**255 - 1
    if y >= p:
        return None
    u = (y * y - 1) % p
    v = (d * y * y + 1) % p
    x = u * v**3 * pow(u * v**7, (p - 5) // 8, p) % p
    if (v * x * x - u) % p != 0:
        x = x * root_of_minus_one % p
    if (v * x * x - u) % p != 0:
        return None
    if x & 1 != sign:
        if x == 0:
            return None
        x = p - x
    return x, y, 1, x * y % p


base = decode((4 * pow(5, p - 2, p) % p).to_bytes(32, "little"))


# Section 5.1.7. Neither key nor R may be of small order: for such a key signatures of anything can be made up.
def verify(key, message, signature):
    if len(key) != 32 or len(signature) != 64:
        return False
    A = decode(key)
    R = decode(signature[:32])
    S = int.from_bytes(signature[32:], "little")
    if A is None or R is None or S >= L:
        return False
    if same(multiply(8, A), neutral) or same(multiply(8, R), neutral):
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    return same(multiply(S, base), add(R, multiply(k, A)))


# An example of the RFC (section 7.1), which has to be right, and wrong for another message.
def works():
    key = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    r = bytes.fromhex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da")
    s = bytes.fromhex("085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
    return verify(key, b"r", r + s) and not verify(key, b"s", r + s)


def content(path):
    with open(path, "rb") as file:
        return file.read()


# Without arguments: whether this Python can do it. With key (base64), file and signature: whether that one is right.
if __name__ == "__main__":
    given = sys.argv[1:]
    right = verify(base64.b64decode(given[0]), content(given[1]), content(given[2])) if given else works()
    sys.exit(0 if right else 1)
`;
