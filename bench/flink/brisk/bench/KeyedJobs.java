package brisk.bench;

import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** `exchange` and `keyed-count`. */
final class KeyedJobs {
    /** Records of one poll of the source. */
    private static final int BATCH = 1_000;

    private KeyedJobs() {}

    static void exchange(StreamExecutionEnvironment environment, long total) {
        byKey(environment, total).sinkTo(new Check.SummingSink<>(record -> record.key));
    }

    static void keyedCount(StreamExecutionEnvironment environment, long total) {
        counts(environment, total).sinkTo(new Check.SummingSink<>(count -> count));
    }

    /** Each update of the count of a key. */
    static DataStream<Long> counts(StreamExecutionEnvironment environment, long total) {
        return byKey(environment, total).process(new Count()).returns(Types.LONG);
    }

    private static KeyedStream<Record, Long> byKey(
            StreamExecutionEnvironment environment, long total) {
        PartSource<Record> source =
                new PartSource<>(
                        (subtask, parallelism) ->
                                new Records(
                                        subtask, Generator.share(total, subtask, parallelism)));
        return environment
                .fromSource(source, WatermarkStrategy.noWatermarks(), "records", Record.TYPE)
                .keyBy(record -> record.key, Types.LONG);
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
                record.key = keys.next();
                output.collect(record);
            }
            left -= batch;
            return left > 0;
        }
    }

    /** Counts per key in keyed state and emits each update. */
    private static final class Count extends KeyedProcessFunction<Long, Record, Long> {
        private transient ValueState<Long> counts;

        @Override
        public void open(OpenContext context) {
            counts = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.LONG));
        }

        @Override
        public void processElement(Record record, Context context, Collector<Long> output)
                throws Exception {
            Long before = counts.value();
            Long count = before == null ? 1L : before + 1;
            counts.update(count);
            output.collect(count);
        }
    }
}
