package brisk.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.flink.api.common.JobExecutionResult;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * Runs one workload once to warm the JVM up and once measured, on a cluster of one task manager
 * with two slots in this process, and prints one line of JSON.
 *
 * <p>Arguments: WORKLOAD SIZE WARM-UP-SIZE; sizes are records, or files for `wordcount`.
 */
public final class Peer {
    private static final int SLOTS = 2;

    private Peer() {}

    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 3) {
            System.err.println("usage: Peer WORKLOAD SIZE WARM-UP-SIZE");
            System.exit(2);
        }
        try (MiniCluster cluster = new MiniCluster(clusterConfiguration())) {
            cluster.start();
            run(cluster, arguments[0], arguments[2]);
            Check.reset();
            System.gc();
            double cpuBefore = cpuSeconds();
            JobExecutionResult result = run(cluster, arguments[0], arguments[1]);
            double cpu = cpuSeconds() - cpuBefore;
            double seconds = result.getNetRuntime() / 1e3;
            if (arguments[0].startsWith("checkpoint-") || arguments[0].startsWith("rocksdb-")) {
                seconds = (System.nanoTime() - CheckpointJob.FILLED_NANOS.get()) / 1e9;
            }
            long records = Check.WORDS.get() > 0 ? Check.WORDS.get() : Long.parseLong(arguments[1]);
            System.out.printf(
                    "{\"seconds\":%.6f,\"records\":%d,\"cpu_seconds\":%.3f,\"peak_rss_bytes\":%d,"
                            + "\"check\":\"%016x\"}%n",
                    seconds, records, cpu, peakRssBytes(), Check.SUM.get());
        }
        System.exit(0);
    }

    /** The split of an 8 GiB task manager that Flink's memory model gives. */
    private static MiniClusterConfiguration clusterConfiguration() {
        Configuration configuration = new Configuration();
        configuration.set(RestOptions.BIND_PORT, "0");
        configuration.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.parse("2776m"));
        configuration.set(TaskManagerOptions.NETWORK_MEMORY_MIN, MemorySize.parse("694m"));
        configuration.set(TaskManagerOptions.NETWORK_MEMORY_MAX, MemorySize.parse("694m"));
        return new MiniClusterConfiguration.Builder()
                .setConfiguration(configuration)
                .setNumTaskManagers(1)
                .setNumSlotsPerTaskManager(SLOTS)
                .build();
    }

    private static JobExecutionResult run(MiniCluster cluster, String workload, String size)
            throws Exception {
        StreamExecutionEnvironment environment =
                StreamExecutionEnvironment.getExecutionEnvironment(new Configuration());
        environment.setParallelism(SLOTS);
        environment.getConfig().enableObjectReuse();
        switch (workload) {
            case "exchange":
                KeyedJobs.exchange(environment, Long.parseLong(size));
                break;
            case "keyed-count":
                KeyedJobs.keyedCount(environment, Long.parseLong(size));
                break;
            case "chain-cut":
                environment.disableOperatorChaining();
                ChainJob.build(environment, Long.parseLong(size));
                break;
            case "chain":
                ChainJob.build(environment, Long.parseLong(size));
                break;
            case "windows-tumbling":
                WindowsJob.tumbling(environment, Long.parseLong(size));
                break;
            case "windows-sliding":
                WindowsJob.sliding(environment, Long.parseLong(size));
                break;
            case "wordcount-batch":
                environment.setRuntimeMode(RuntimeExecutionMode.BATCH);
                WordCountJob.build(environment, size);
                break;
            case "wordcount":
                WordCountJob.build(environment, size);
                break;
            case "nexmark-q0":
            case "nexmark-q1":
            case "nexmark-q2":
            case "nexmark-q5":
            case "nexmark-q7":
            case "nexmark-q8":
            case "nexmark-q11":
                NexmarkJobs.build(environment, workload, Long.parseLong(size));
                break;
            case "checkpoint-0":
            case "checkpoint-500":
            case "checkpoint-1000":
            case "checkpoint-3000":
            case "checkpoint-10000":
                checkpointing(environment, Long.parseLong(workload.replaceAll("[^0-9]", "")));
                CheckpointJob.build(environment, Generator.MANY_KEYS, Long.parseLong(size));
                break;
            case "rocksdb-0":
            case "rocksdb-500":
            case "rocksdb-1000":
            case "rocksdb-3000":
            case "rocksdb-10000":
                inRocksDb(environment);
                checkpointing(environment, Long.parseLong(workload.replaceAll("[^0-9]", "")));
                CheckpointJob.build(environment, Generator.ROCKSDB_KEYS, Long.parseLong(size));
                break;
            default:
                throw new IllegalArgumentException("no workload " + workload);
        }
        return cluster.executeJobBlocking(environment.getStreamGraph().getJobGraph());
    }

    /** State in RocksDB, its checkpoints incremental. */
    private static void inRocksDb(StreamExecutionEnvironment environment) {
        Configuration configuration = new Configuration();
        configuration.setString("state.backend.type", "rocksdb");
        configuration.setString("execution.checkpointing.incremental", "true");
        environment.configure(configuration);
    }

    /** A checkpoint each so many milliseconds, into a folder for temporary files; 0 for none. */
    private static void checkpointing(StreamExecutionEnvironment environment, long intervalMs)
            throws IOException {
        if (intervalMs == 0) {
            return;
        }
        Path folder = Files.createTempDirectory("flink-checkpoints");
        Configuration configuration = new Configuration();
        configuration.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
        configuration.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, folder.toUri().toString());
        environment.configure(configuration);
        environment.enableCheckpointing(intervalMs);
    }

    private static double cpuSeconds() {
        OperatingSystemMXBean system =
                (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return system.getProcessCpuTime() / 1e9;
    }

    private static long peakRssBytes() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmHWM:")) {
                return 1024 * Long.parseLong(line.replaceAll("[^0-9]", ""));
            }
        }
        throw new IOException("/proc/self/status has no line VmHWM");
    }
}
