package brisk.bench;

import java.util.Arrays;
import java.util.Map;

/** All latencies of one sink, and those of all sinks together. */
final class Latencies {
    private static Latencies all = new Latencies();

    private long[] values = new long[1 << 20];
    private int count;

    void add(long nanos) {
        if (count == values.length) {
            values = Arrays.copyOf(values, 2 * count);
        }
        values[count++] = nanos;
    }

    static synchronized void merge(Latencies one) {
        for (int at = 0; at < one.count; at++) {
            all.add(one.values[at]);
        }
    }

    static synchronized void reset() {
        all = new Latencies();
    }

    /** Adds the quantiles of all sinks, in seconds; nothing if there were no latencies. */
    static synchronized void addTo(Map<String, Double> figures, String suffix) {
        if (all.count == 0) {
            return;
        }
        long[] sorted = Arrays.copyOf(all.values, all.count);
        Arrays.sort(sorted);
        String[] names = {"p50", "p99", "p999"};
        double[] quantiles = {0.5, 0.99, 0.999};
        for (int at = 0; at < names.length; at++) {
            int rank = (int) Math.ceil(quantiles[at] * sorted.length);
            figures.put(
                    "latency_seconds_" + names[at] + suffix,
                    sorted[Math.max(rank, 1) - 1] / 1e9);
        }
    }
}
