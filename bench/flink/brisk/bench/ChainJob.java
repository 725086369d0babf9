package brisk.bench;

import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.java.typeutils.ValueTypeInfo;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.types.LongValue;

/** `chain`: longs, map, filter, map, discard. Mutable longs, so that nothing is boxed. */
final class ChainJob {
    /** Longs of one poll of the source. */
    private static final int BATCH = 10_000;

    private static final TypeInformation<LongValue> LONG = ValueTypeInfo.LONG_VALUE_TYPE_INFO;

    private ChainJob() {}

    static void build(StreamExecutionEnvironment environment, long total) {
        PartSource<LongValue> source =
                new PartSource<>((subtask, parallelism) -> new Longs(total, subtask, parallelism));
        environment
                .fromSource(source, WatermarkStrategy.noWatermarks(), "longs", LONG)
                .map(
                        value -> {
                            value.setValue(Generator.chainFirst(value.getValue()));
                            return value;
                        })
                .returns(LONG)
                .filter(value -> Generator.chainKeep(value.getValue()))
                .map(
                        value -> {
                            value.setValue(Generator.chainSecond(value.getValue()));
                            return value;
                        })
                .returns(LONG)
                .sinkTo(new Check.SummingSink<>(LongValue::getValue));
    }

    private static final class Longs implements PartSource.Part<LongValue> {
        private final LongValue value = new LongValue();
        private final long end;
        private long next;

        Longs(long total, int subtask, int parallelism) {
            for (int before = 0; before < subtask; before++) {
                next += Generator.share(total, before, parallelism);
            }
            end = next + Generator.share(total, subtask, parallelism);
        }

        @Override
        public boolean emit(ReaderOutput<LongValue> output) {
            long stop = Math.min(end, next + BATCH);
            for (; next < stop; next++) {
                value.setValue(next);
                output.collect(value);
            }
            return next < end;
        }
    }
}
