package brisk.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.apache.flink.api.common.JobID;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.checkpoint.AbstractCheckpointStats;
import org.apache.flink.runtime.checkpoint.CheckpointStatsSnapshot;
import org.apache.flink.runtime.checkpoint.FailedCheckpointStats;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** `backpressure`: how long checkpoints take when the sink is slow and all buffers are full. */
final class BackpressureJob {
    private static final long RECORD_TIME_MS = 1;
    private static final long INTERVAL_MS = 1_000;
    private static final long POLL_MS = 200;

    /** The first checkpoints, taken while buffers still fill, don't count if there are others. */
    private static final long SKIPPED = 3;

    private static final AtomicLong WRITTEN = new AtomicLong();

    private BackpressureJob() {}

    /** Runs until so many checkpoints are complete; the seconds it took. */
    static double run(
            MiniCluster cluster,
            StreamExecutionEnvironment environment,
            String workload,
            int checkpoints,
            Map<String, Double> figures)
            throws Exception {
        boolean unaligned = workload.endsWith("unaligned");
        Path storage = Files.createTempDirectory("brisk-bench");
        Configuration configuration = new Configuration();
        configuration.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, storage.toUri().toString());
        environment.configure(configuration);
        environment.enableCheckpointing(INTERVAL_MS);
        if (unaligned) {
            environment.getCheckpointConfig().enableUnalignedCheckpoints();
        }
        WRITTEN.set(0);
        KeyedJobs.counts(environment, Long.MAX_VALUE / 4).sinkTo(new SlowSink());
        JobGraph job = environment.getStreamGraph().getJobGraph();
        long start = System.nanoTime();
        JobID id = cluster.submitJob(job).get().getJobID();
        // The quarter that warms up may be none.
        List<Long> durations = watch(cluster, id, Math.max(1, checkpoints));
        double seconds = (System.nanoTime() - start) / 1e9;
        cluster.cancelJob(id).get();
        cluster.requestJobResult(id).get();
        remove(storage);
        Collections.sort(durations);
        if (unaligned) {
            figures.put("unaligned_checkpoint_seconds_p50", quantile(durations, 0.5));
            figures.put("unaligned_checkpoint_seconds_p99", quantile(durations, 0.99));
        } else {
            String suffix = workload.endsWith("debloating") ? "_debloating" : "";
            figures.put("aligned_checkpoint_seconds_p50" + suffix, quantile(durations, 0.5));
        }
        return seconds;
    }

    static long written() {
        return WRITTEN.get();
    }

    private static double quantile(List<Long> sorted, double quantile) {
        int rank = (int) Math.ceil(quantile * sorted.size());
        return sorted.get(Math.max(rank, 1) - 1) / 1e3;
    }

    private static List<Long> watch(MiniCluster cluster, JobID id, int wanted) throws Exception {
        Map<Long, Long> found = new TreeMap<>();
        long skipped = Math.min(SKIPPED, wanted - 1);
        while (found.size() < wanted) {
            Thread.sleep(POLL_MS);
            CheckpointStatsSnapshot snapshot =
                    cluster.getExecutionGraph(id).get().getCheckpointStatsSnapshot();
            if (snapshot == null) {
                continue;
            }
            for (AbstractCheckpointStats checkpoint : snapshot.getHistory().getCheckpoints()) {
                long number = checkpoint.getCheckpointId();
                if (checkpoint.getStatus().isFailed()) {
                    String why = ((FailedCheckpointStats) checkpoint).getFailureMessage();
                    throw new IllegalStateException("checkpoint " + number + " failed: " + why);
                }
                if (checkpoint.getStatus().isCompleted() && number > skipped) {
                    found.put(number, checkpoint.getEndToEndDuration());
                }
            }
        }
        return new ArrayList<>(found.values()).subList(0, wanted);
    }

    private static void remove(Path folder) throws Exception {
        try (Stream<Path> all = Files.walk(folder)) {
            for (Path path : (Iterable<Path>) all.sorted(Comparator.reverseOrder())::iterator) {
                Files.deleteIfExists(path);
            }
        }
    }

    private static final class SlowSink implements Sink<Long> {
        @Override
        public SinkWriter<Long> createWriter(WriterInitContext context) {
            return new SinkWriter<Long>() {
                @Override
                public void write(Long count, Context context) throws InterruptedException {
                    Thread.sleep(RECORD_TIME_MS);
                    WRITTEN.incrementAndGet();
                }

                @Override
                public void flush(boolean endOfInput) {}

                @Override
                public void close() {}
            };
        }
    }
}
