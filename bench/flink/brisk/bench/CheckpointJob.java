package brisk.bench;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** `checkpoint` and `rocksdb`: each key once, then keys at random; per key a count and what its first record had. */
final class CheckpointJob {
    private static final int BATCH = 1_000;

    /** When the last source subtask had sent each of its keys once. */
    static final AtomicLong FILLED_NANOS = new AtomicLong();

    private static final AtomicInteger FILLING = new AtomicInteger();

    private CheckpointJob() {}

    static void build(StreamExecutionEnvironment environment, long allKeys, long total) {
        long keys = Math.min(allKeys, total);
        FILLING.set(environment.getParallelism());
        PartSource<Record> source =
                new PartSource<>(
                        (subtask, parallelism) ->
                                new Records(
                                        subtask,
                                        parallelism,
                                        keys,
                                        Generator.share(total, subtask, parallelism)));
        environment
                .fromSource(source, WatermarkStrategy.noWatermarks(), "records", Record.TYPE)
                .keyBy(record -> record.key, Types.LONG)
                .process(new Count())
                .returns(Types.LONG)
                .sinkTo(new Check.SummingSink<>(count -> 1));
    }

    private static final class Records implements PartSource.Part<Record> {
        private final Generator.Keys random;
        private final Record record = new Record(Generator.payload());
        private final int step;
        private final long keys;
        private long next;
        private boolean filling = true;
        private long left;

        Records(int subtask, int parallelism, long keys, long records) {
            random = new Generator.Keys(subtask);
            next = subtask;
            step = parallelism;
            this.keys = keys;
            left = records;
        }

        @Override
        public boolean emit(ReaderOutput<Record> output) {
            if (filling) {
                for (int sent = 0; sent < BATCH && next < keys; sent++) {
                    record.key = next;
                    next += step;
                    output.collect(record);
                }
                if (next >= keys) {
                    filling = false;
                    if (FILLING.decrementAndGet() == 0) {
                        FILLED_NANOS.set(System.nanoTime());
                    }
                }
                return true;
            }
            int batch = (int) Math.min(left, BATCH);
            for (int sent = 0; sent < batch; sent++) {
                record.key = random.next(keys);
                output.collect(record);
            }
            left -= batch;
            return left > 0;
        }
    }

    /** Keeps a count and 92 bytes for each key, and emits each count. */
    private static final class Count extends KeyedProcessFunction<Long, Record, Long> {
        private transient ValueState<Record> seen;

        @Override
        public void open(OpenContext context) {
            seen = getRuntimeContext().getState(new ValueStateDescriptor<>("seen", Record.TYPE));
        }

        @Override
        public void processElement(Record record, Context context, Collector<Long> output)
                throws Exception {
            Record before = seen.value();
            Record now = new Record(before == null ? record.payload.clone() : before.payload);
            now.key = before == null ? 1 : before.key + 1;
            seen.update(now);
            output.collect(now.key);
        }
    }
}
