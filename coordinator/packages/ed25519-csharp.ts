/**
 * The check of Ed25519 signatures that `install.ps1` compiles with Add-Type, because the .NET of 5.1 has none: C# 5, as the compiler of
 * Windows PowerShell 5.1 knows it, of which PowerShell 7 understands each line too. It verifies and nothing else, so that nothing
 * in it is secret, and it may be slow: some milliseconds. SHA-512 is taken here and not in PowerShell, so that all of the
 * decision is in the one function that the tests run; it is in a library to which Add-Type refers by itself, in both.
 * Stricter than RFC 8032 in one thing, as OpenSSL 3.5 is: neither key nor R may be of small order. For such a key signatures of
 * anything can be made up.
 */
export const ED25519_CSHARP = `// Verifies Ed25519 signatures (RFC 8032, section 5.1). Nothing here is secret: it need not take the same time for all.
public static class OutrunnerEd25519
{
  // A number modulo p = 2^255 - 19 is sixteen limbs of 16 bits, the lowest first. Between operations a limb may be
  // larger or negative: products of sums of a few stay far below 2^63.
  const int Limbs = 16;
  static readonly long[] Zero = new long[Limbs];
  static readonly long[] One = Small(1);
  // Section 5.1: d = -121665/121666; and 2^((p-1)/4), a square root of -1 (section 5.1.3).
  static readonly long[] D = Multiply(Small(-121665), Invert(Small(121666)));
  static readonly long[] RootOfMinusOne = Power(Small(2), 253, 5);
  // Section 5.1: the order L of the base point, 2^252 + 27742317777372353535851937790883648493, the lowest byte first.
  static readonly byte[] Order = {
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10
  };
  // 4/5 is the y of the base point; its encoding is 58 66 66 ... 66.
  static readonly Point Base = Decode(Encode(Multiply(Small(4), Invert(Small(5))), 0));
  static readonly Point Neutral = new Point(Zero, One, One, Zero);

  // Section 5.1.4: x = X/Z, y = Y/Z, x*y = T/Z.
  sealed class Point
  {
    public readonly long[] X, Y, Z, T;
    public Point(long[] x, long[] y, long[] z, long[] t) { X = x; Y = y; Z = z; T = t; }
  }

  // Section 5.1.7. Takes a public key of 32 bytes and a signature of 64; any other length is a wrong signature.
  public static bool Verify(byte[] publicKey, byte[] message, byte[] signature)
  {
    if (publicKey == null || message == null || signature == null) return false;
    if (publicKey.Length != 32 || signature.Length != 64) return false;
    byte[] r = Part(signature, 0);
    byte[] s = Part(signature, 32);
    Point key = Decode(publicKey);
    Point nonce = Decode(r);
    if (key == null || nonce == null || !IsLess(s, Order)) return false;
    if (IsOfSmallOrder(key) || IsOfSmallOrder(nonce)) return false;
    byte[] k = ModuloOrder(Sha512(r, publicKey, message));
    // [S]B = R + [k]A, as R = [S]B + [k](-A). R is compared as bytes: no second way to write it is taken.
    Point minusKey = new Point(Subtract(Zero, key.X), key.Y, key.Z, Subtract(Zero, key.T));
    Point sum = SumOfMultiples(s, Base, k, minusKey);
    long[] perZ = Invert(sum.Z);
    byte[] found = Encode(Multiply(sum.Y, perZ), LowestBit(Multiply(sum.X, perZ)));
    return AreEqual(found, r);
  }

  static byte[] Sha512(byte[] first, byte[] second, byte[] third)
  {
    byte[] all = new byte[first.Length + second.Length + third.Length];
    first.CopyTo(all, 0);
    second.CopyTo(all, first.Length);
    third.CopyTo(all, first.Length + second.Length);
    using (System.Security.Cryptography.SHA512 hash = System.Security.Cryptography.SHA512.Create())
    {
      return hash.ComputeHash(all);
    }
  }

  // Section 5.1.3. Null when it is no point of the curve, or not written in the one way in which it has to be.
  static Point Decode(byte[] bytes)
  {
    int sign = bytes[31] >> 7;
    long[] y = new long[Limbs];
    for (int i = 0; i < Limbs; i++) y[i] = bytes[2 * i] | bytes[2 * i + 1] << 8;
    y[Limbs - 1] &= 0x7fff;
    if (!AreEqual(Encode(y, sign), bytes)) return null;
    // x^2 = u/v; the candidate for x is u v^3 (u v^7)^((p-5)/8).
    long[] ySquared = Multiply(y, y);
    long[] u = Subtract(ySquared, One);
    long[] v = Add(Multiply(D, ySquared), One);
    long[] v3 = Multiply(Multiply(v, v), v);
    long[] uv7 = Multiply(Multiply(Multiply(v3, v3), v), u);
    long[] x = Multiply(Multiply(u, v3), Power(uv7, 252, 3));
    long[] vxSquared = Multiply(v, Multiply(x, x));
    if (!AreSame(vxSquared, u))
    {
      if (!AreSame(vxSquared, Subtract(Zero, u))) return null;
      x = Multiply(x, RootOfMinusOne);
    }
    if (LowestBit(x) != sign)
    {
      if (AreSame(x, Zero)) return null;
      x = Subtract(Zero, x);
    }
    return new Point(x, y, One, Multiply(x, y));
  }

  // Section 5.1.2: 32 bytes, the lowest first, of the number below p; the sign of x in the highest bit.
  static byte[] Encode(long[] y, int sign)
  {
    long[] limbs = (long[])y.Clone();
    for (int i = 0; i < 3; i++) Carry(limbs);
    // Now it is below 2p + 38: p may have to be taken away twice.
    for (int i = 0; i < 2; i++)
    {
      long[] less = new long[Limbs];
      long borrow = 0;
      for (int j = 0; j < Limbs; j++)
      {
        long p = j == 0 ? 0xffed : j == Limbs - 1 ? 0x7fff : 0xffff;
        long rest = limbs[j] - p + borrow;
        borrow = rest >> 16;
        less[j] = rest & 0xffff;
      }
      if (borrow == 0) limbs = less;
    }
    byte[] bytes = new byte[32];
    for (int i = 0; i < Limbs; i++)
    {
      bytes[2 * i] = (byte)(limbs[i] & 0xff);
      bytes[2 * i + 1] = (byte)(limbs[i] >> 8);
    }
    bytes[31] |= (byte)(sign << 7);
    return bytes;
  }

  // [first]P + [second]Q, bit by bit from the highest.
  static Point SumOfMultiples(byte[] first, Point p, byte[] second, Point q)
  {
    Point both = Add(p, q);
    Point sum = Neutral;
    for (int bit = 255; bit >= 0; bit--)
    {
      sum = Add(sum, sum);
      bool withP = Bit(first, bit) == 1;
      bool withQ = Bit(second, bit) == 1;
      if (withP || withQ) sum = Add(sum, withP && withQ ? both : withP ? p : q);
    }
    return sum;
  }

  // Section 5.1.4. This holds for any two points, also for one and itself.
  static Point Add(Point p, Point q)
  {
    long[] a = Multiply(Subtract(p.Y, p.X), Subtract(q.Y, q.X));
    long[] b = Multiply(Add(p.Y, p.X), Add(q.Y, q.X));
    long[] c = Multiply(Multiply(Add(p.T, p.T), D), q.T);
    long[] d = Multiply(Add(p.Z, p.Z), q.Z);
    long[] e = Subtract(b, a);
    long[] f = Subtract(d, c);
    long[] g = Add(d, c);
    long[] h = Add(b, a);
    return new Point(Multiply(e, f), Multiply(g, h), Multiply(f, g), Multiply(e, h));
  }

  // Eight times such a point is the neutral one, (0, 1).
  static bool IsOfSmallOrder(Point point)
  {
    Point eight = point;
    for (int i = 0; i < 3; i++) eight = Add(eight, eight);
    return AreSame(eight.X, Zero) && AreSame(eight.Y, eight.Z);
  }

  // A number of 64 bytes modulo L, by doubling bit by bit and taking L away.
  static byte[] ModuloOrder(byte[] number)
  {
    byte[] rest = new byte[32];
    for (int bit = 8 * number.Length - 1; bit >= 0; bit--)
    {
      int carry = Bit(number, bit);
      for (int i = 0; i < 32; i++)
      {
        int twice = 2 * rest[i] + carry;
        rest[i] = (byte)(twice & 0xff);
        carry = twice >> 8;
      }
      if (IsLess(rest, Order)) continue;
      int borrow = 0;
      for (int i = 0; i < 32; i++)
      {
        int less = rest[i] - Order[i] + borrow;
        rest[i] = (byte)(less & 0xff);
        borrow = less >> 8;
      }
    }
    return rest;
  }

  static long[] Small(long value)
  {
    long[] limbs = new long[Limbs];
    limbs[0] = value;
    return limbs;
  }

  static long[] Add(long[] a, long[] b)
  {
    long[] sum = new long[Limbs];
    for (int i = 0; i < Limbs; i++) sum[i] = a[i] + b[i];
    return sum;
  }

  static long[] Subtract(long[] a, long[] b)
  {
    long[] rest = new long[Limbs];
    for (int i = 0; i < Limbs; i++) rest[i] = a[i] - b[i];
    return rest;
  }

  static long[] Multiply(long[] a, long[] b)
  {
    long[] product = new long[2 * Limbs];
    for (int i = 0; i < Limbs; i++)
      for (int j = 0; j < Limbs; j++) product[i + j] += a[i] * b[j];
    // 2^256 = 38 modulo p.
    long[] limbs = new long[Limbs];
    for (int i = 0; i < Limbs; i++) limbs[i] = product[i] + 38 * product[i + Limbs];
    Carry(limbs);
    Carry(limbs);
    return limbs;
  }

  static void Carry(long[] limbs)
  {
    for (int i = 0; i < Limbs; i++)
    {
      long over = limbs[i] >> 16;
      limbs[i] -= over << 16;
      if (i < Limbs - 1) limbs[i + 1] += over;
      else limbs[0] += 38 * over;
    }
  }

  // x to the power of 2^bits - less, for less up to 32: its bits are ones, but for a few of the lowest six.
  static long[] Power(long[] x, int bits, int less)
  {
    long[] power = x;
    for (int bit = bits - 2; bit >= 0; bit--)
    {
      power = Multiply(power, power);
      if (bit > 5 || ((64 - less) >> bit & 1) == 1) power = Multiply(power, x);
    }
    return power;
  }

  // By Fermat: to the power of p - 2.
  static long[] Invert(long[] x) { return Power(x, 255, 21); }

  static bool AreSame(long[] a, long[] b) { return AreEqual(Encode(a, 0), Encode(b, 0)); }

  static int LowestBit(long[] x) { return Encode(x, 0)[0] & 1; }

  static int Bit(byte[] number, int bit) { return number[bit >> 3] >> (bit & 7) & 1; }

  static byte[] Part(byte[] bytes, int from)
  {
    byte[] part = new byte[32];
    System.Array.Copy(bytes, from, part, 0, 32);
    return part;
  }

  static bool AreEqual(byte[] a, byte[] b)
  {
    for (int i = 0; i < 32; i++) if (a[i] != b[i]) return false;
    return true;
  }

  // Numbers of 32 bytes, the lowest first.
  static bool IsLess(byte[] a, byte[] b)
  {
    for (int i = 31; i >= 0; i--) if (a[i] != b[i]) return a[i] < b[i];
    return false;
  }
}
`;
