package brisk.bench;

import java.util.concurrent.locks.LockSupport;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** `latency`: sources that send each record when it is due, and a sink that looks at the clock. */
final class LatencyJob {
    /** Records a second that all sources send together. */
    private static final long PER_SECOND = 100_000;

    /** How long after it was opened a source sends its first record. */
    private static final long LEAD_NS = 10_000_000;

    private static final TypeInformation<Tuple2<Long, Long>> PACED =
            Types.TUPLE(Types.LONG, Types.LONG);

    private LatencyJob() {}

    static void build(StreamExecutionEnvironment environment, long total) {
        PartSource<Tuple2<Long, Long>> source =
                new PartSource<>(
                        (subtask, parallelism) ->
                                new Paced(
                                        subtask,
                                        Generator.share(total, subtask, parallelism),
                                        1_000_000_000L * parallelism / PER_SECOND));
        environment
                .fromSource(source, WatermarkStrategy.noWatermarks(), "paced", PACED)
                .keyBy(record -> record.f0, Types.LONG)
                .sinkTo(new LatencySink());
    }

    /** A key and when the record was due. Waits for the next one without using the CPU. */
    private static final class Paced implements PartSource.Part<Tuple2<Long, Long>> {
        private final Generator.Keys keys;
        private final Tuple2<Long, Long> record = new Tuple2<>();
        private final long records;
        private final long every;
        private final long first = System.nanoTime() + LEAD_NS;
        private long sent;

        Paced(int subtask, long records, long every) {
            keys = new Generator.Keys(subtask);
            this.records = records;
            this.every = every;
        }

        @Override
        public boolean emit(ReaderOutput<Tuple2<Long, Long>> output) {
            if (sent == records) {
                return false;
            }
            long due = first + sent * every;
            long left = due - System.nanoTime();
            if (left > 0) {
                LockSupport.parkNanos(left);
                return true;
            }
            record.f0 = keys.next();
            record.f1 = due;
            output.collect(record);
            sent++;
            return true;
        }
    }

    private static final class LatencySink implements Sink<Tuple2<Long, Long>> {
        @Override
        public SinkWriter<Tuple2<Long, Long>> createWriter(WriterInitContext context) {
            return new SinkWriter<Tuple2<Long, Long>>() {
                private final Latencies latencies = new Latencies();
                private long sum;

                @Override
                public void write(Tuple2<Long, Long> record, Context context) {
                    latencies.add(System.nanoTime() - record.f1);
                    sum += record.f0;
                }

                @Override
                public void flush(boolean endOfInput) {}

                @Override
                public void close() {
                    Check.SUM.addAndGet(sum);
                    Latencies.merge(latencies);
                }
            };
        }
    }
}
