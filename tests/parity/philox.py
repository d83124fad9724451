"""Which entries dropout drops, from the definition of its generator.

It is Philox4x32-10 (Salmon et al. 2011) on (entry, stream).
"""
import numpy as np

LOW = np.uint64(0xFFFFFFFF)
WORD = np.uint64(32)


def philox(counter, key):
    """counter: four arrays of 32-bit words, key: two words -> four arrays of words."""
    c = [np.asarray(word, np.uint64) for word in counter]
    key = list(key)
    for _ in range(10):
        p0 = np.uint64(0xD2511F53) * c[0]
        p1 = np.uint64(0xCD9E8D57) * c[2]
        k0 = np.uint64(key[0])
        k1 = np.uint64(key[1])
        c = [(p1 >> WORD) ^ c[1] ^ k0, p1 & LOW, (p0 >> WORD) ^ c[3] ^ k1, p0 & LOW]
        key = [(key[0] + 0x9E3779B9) % 2 ** 32, (key[1] + 0xBB67AE85) % 2 ** 32]
    return c


def stream_of(name, number):
    """The 64-bit number of a stream: a hash of its name's bytes and its number."""
    stream = 0xCBF29CE484222325
    for value in [*name.encode(), number]:
        stream = (stream ^ value) * 0x100000001B3 % 2 ** 64
        stream ^= stream >> 33
        stream = stream * 0xFF51AFD7ED558CCD % 2 ** 64
        stream ^= stream >> 33
    return stream


def dropped(shape, p, seed, name, number):
    """True where an entry is dropped."""
    count = int(np.prod(shape, dtype=np.int64))
    block = np.arange((count + 3) // 4, dtype=np.uint64)  # of four entries
    stream = stream_of(name, number)
    zeros = np.zeros_like(block)
    counter = [block & LOW, block >> WORD,
               zeros + np.uint64(stream % 2 ** 32), zeros + np.uint64(stream >> 32)]
    key = (seed % 2 ** 32, seed >> 32)
    words = np.stack(philox(counter, key), -1).reshape(-1)[:count]
    return (words < np.uint64(int(p * 2 ** 32))).reshape(shape)
