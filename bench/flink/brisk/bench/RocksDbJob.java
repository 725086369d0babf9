package brisk.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** `rocksdb`: `keyed-count` over three times the keys, with state in RocksDB. */
final class RocksDbJob {
    private static final int WIDE = 3;
    private static final int BATCH = 1_000;

    private RocksDbJob() {}

    /** An environment with a checkpoint every so many milliseconds; 0 for none. */
    static StreamExecutionEnvironment environment(long interval) throws IOException {
        Path folder = Files.createTempDirectory("flink-bench-");
        Configuration configuration = new Configuration();
        configuration.setString("state.backend.type", "rocksdb");
        configuration.setString("state.backend.rocksdb.localdir", folder.resolve("local").toString());
        configuration.setString("execution.checkpointing.incremental", "true");
        configuration.setString("execution.checkpointing.storage", "filesystem");
        configuration.setString(
                "execution.checkpointing.dir", folder.resolve("checkpoints").toUri().toString());
        if (interval > 0) {
            configuration.setString("execution.checkpointing.interval", interval + " ms");
        }
        return StreamExecutionEnvironment.getExecutionEnvironment(configuration);
    }

    static void build(StreamExecutionEnvironment environment, long total) {
        PartSource<Record> source =
                new PartSource<>(
                        (subtask, parallelism) ->
                                new Records(
                                        subtask, Generator.share(total, subtask, parallelism)));
        environment
                .fromSource(source, WatermarkStrategy.noWatermarks(), "records", Record.TYPE)
                .keyBy(record -> record.key, Types.LONG)
                .process(new KeyedJobs.Count())
                .returns(Types.LONG)
                .sinkTo(new Check.SummingSink<>(count -> count));
    }

    private static final class Records implements PartSource.Part<Record> {
        private final Generator.Keys keys;
        private final Record record = new Record(Generator.payload());
        private long left;

        Records(int subtask, long records) {
            keys = new Generator.Keys(subtask);
            left = records;
        }

        @Override
        public boolean emit(ReaderOutput<Record> output) {
            int batch = (int) Math.min(left, BATCH);
            for (int sent = 0; sent < batch; sent++) {
                record.key = keys.next() * WIDE + left % WIDE;
                output.collect(record);
                left--;
            }
            return left > 0;
        }
    }
}
