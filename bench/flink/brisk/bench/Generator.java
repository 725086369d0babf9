package brisk.bench;

/** Port of bench/src/input/generator.rs, line by line: the same keys, hash function and chain steps. */
final class Generator {
    static final long KEYS = 1_000_000;
    static final long MANY_KEYS = 10_000_000;
    static final long ROCKSDB_KEYS = 3_000_000;
    static final int PAYLOAD_BYTES = 92;
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    private Generator() {}

    static long fmix64(long value) {
        long x = value;
        x ^= x >>> 33;
        x *= 0xFF51AFD7ED558CCDL;
        x ^= x >>> 33;
        x *= 0xC4CEB9FE1A85EC53L;
        return x ^ (x >>> 33);
    }

    /** The keys that one source subtask sends. */
    static final class Keys {
        private long state;

        Keys(long subtask) {
            state = fmix64(subtask + 1);
        }

        long next() {
            return next(KEYS);
        }

        long next(long keys) {
            state += GOLDEN;
            long x = state;
            x = (x ^ (x >>> 30)) * 0xBF58476D1CE4E5B9L;
            x = (x ^ (x >>> 27)) * 0x94D049BB133111EBL;
            x ^= x >>> 31;
            return ((x >>> 32) * keys) >>> 32;
        }
    }

    static final long AUCTIONS = 100_000;
    static final long BIDS_PER_MS = 1_000;
    static final long WATERMARK_MS = 100;

    /** The bids that one source subtask sends. */
    static final class Bids {
        private final long step;
        private long state;
        private long at;

        Bids(long subtask, long parallelism) {
            state = fmix64(subtask + 1);
            step = parallelism;
        }

        void next(Bid bid) {
            state += GOLDEN;
            long x = state;
            x = (x ^ (x >>> 30)) * 0xBF58476D1CE4E5B9L;
            x = (x ^ (x >>> 27)) * 0x94D049BB133111EBL;
            x ^= x >>> 31;
            bid.auction = ((x >>> 32) * AUCTIONS) >>> 32;
            bid.price = x & 0xFFFFF;
            bid.timeMs = at / BIDS_PER_MS;
            at += step;
        }
    }

    static long windowCheck(long auction, long count, long max) {
        return fmix64(auction << 44 ^ max << 24 ^ count);
    }

    static byte[] payload() {
        byte[] bytes = new byte[PAYLOAD_BYTES];
        for (int at = 0; at < PAYLOAD_BYTES; at++) {
            bytes[at] = (byte) at;
        }
        return bytes;
    }

    static long share(long total, int subtask, int parallelism) {
        return total / parallelism + (subtask < total % parallelism ? 1 : 0);
    }

    static long chainFirst(long value) {
        return value * GOLDEN;
    }

    static boolean chainKeep(long value) {
        return value >>> 61 != 0;
    }

    static long chainSecond(long value) {
        return value ^ (value >>> 32);
    }

    /** FNV-1a: only to compare results, never to place a word. */
    static long fnv1a(byte[] bytes, int length) {
        long hash = 0xCBF29CE484222325L;
        for (int at = 0; at < length; at++) {
            hash = (hash ^ (bytes[at] & 0xFF)) * 0x100000001B3L;
        }
        return hash;
    }
}
