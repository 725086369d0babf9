package brisk.bench;

import java.time.Duration;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkOutput;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.WindowAssigner;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;

/** `windows`: bids counted, and the greatest found, by auction and window of event time. */
final class WindowsJob {
    /** Bids of one poll of the source. */
    private static final int BATCH = 1_000;

    private static final Duration SIZE = Duration.ofSeconds(10);
    private static final Duration SLIDE = Duration.ofSeconds(2);

    private WindowsJob() {}

    static void tumbling(StreamExecutionEnvironment environment, long total) {
        build(environment, total, TumblingEventTimeWindows.of(SIZE));
    }

    static void sliding(StreamExecutionEnvironment environment, long total) {
        build(environment, total, SlidingEventTimeWindows.of(SIZE, SLIDE));
    }

    private static void build(
            StreamExecutionEnvironment environment,
            long total,
            WindowAssigner<Object, TimeWindow> windows) {
        PartSource<Bid> source =
                new PartSource<>(
                        (subtask, parallelism) ->
                                new Bids(
                                        new Generator.Bids(subtask, parallelism),
                                        Generator.share(total, subtask, parallelism)));
        WatermarkStrategy<Bid> strategy =
                WatermarkStrategy.<Bid>forGenerator(context -> new EachStep())
                        .withTimestampAssigner((bid, before) -> bid.timeMs);
        environment
                .fromSource(source, strategy, "bids", Bid.TYPE)
                .keyBy(bid -> bid.auction, Types.LONG)
                .window(windows)
                .aggregate(
                        new CountAndMax(),
                        PrimitiveArrayTypeInfo.LONG_PRIMITIVE_ARRAY_TYPE_INFO,
                        Types.LONG)
                .sinkTo(new Check.SummingSink<>(check -> check));
    }

    private static final class Bids implements PartSource.Part<Bid> {
        private final Generator.Bids bids;
        private final Bid bid = new Bid();
        private long left;

        Bids(Generator.Bids bids, long left) {
            this.bids = bids;
            this.left = left;
        }

        @Override
        public boolean emit(ReaderOutput<Bid> output) {
            int batch = (int) Math.min(left, BATCH);
            for (int sent = 0; sent < batch; sent++) {
                bids.next(bid);
                output.collect(bid);
            }
            left -= batch;
            return left > 0;
        }
    }

    /** A watermark each so many milliseconds of event time. */
    private static final class EachStep implements WatermarkGenerator<Bid> {
        private long next = Long.MIN_VALUE;

        @Override
        public void onEvent(Bid bid, long time, WatermarkOutput output) {
            if (time >= next) {
                output.emitWatermark(new Watermark(time - 1));
                next = time + Generator.WATERMARK_MS;
            }
        }

        @Override
        public void onPeriodicEmit(WatermarkOutput output) {}
    }

    /** Auction, count and greatest price; the result is their check. */
    private static final class CountAndMax implements AggregateFunction<Bid, long[], Long> {
        @Override
        public long[] createAccumulator() {
            return new long[3];
        }

        @Override
        public long[] add(Bid bid, long[] found) {
            found[0] = bid.auction;
            found[1]++;
            found[2] = Math.max(found[2], bid.price);
            return found;
        }

        @Override
        public Long getResult(long[] found) {
            return Generator.windowCheck(found[0], found[1], found[2]);
        }

        @Override
        public long[] merge(long[] one, long[] other) {
            one[1] += other[1];
            one[2] = Math.max(one[2], other[2]);
            return one;
        }
    }
}
