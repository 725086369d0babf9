package brisk.bench;

import brisk.bench.NexmarkEvents.Event;
import brisk.bench.NexmarkEvents.Kind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.api.java.tuple.Tuple4;
import org.apache.flink.api.java.tuple.Tuple5;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.EventTimeSessionWindows;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.WindowAssigner;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** The queries of Nexmark, in the shape that they have in runtime/brisk/examples/nexmark/queries. */
final class NexmarkJobs {
    private static final Duration TEN_SECONDS = Duration.ofSeconds(10);
    private static final Duration SLIDE = Duration.ofSeconds(2);

    /** Id, count, start, end. */
    private static final TypeInformation<Tuple4<Long, Long, Long, Long>> COUNTED =
            Types.TUPLE(Types.LONG, Types.LONG, Types.LONG, Types.LONG);

    /** Auction, price, bidder, time, extra. */
    private static final TypeInformation<Tuple5<Long, Long, Long, Long, String>> BID =
            Types.TUPLE(Types.LONG, Types.LONG, Types.LONG, Types.LONG, Types.STRING);

    private NexmarkJobs() {}

    static void build(StreamExecutionEnvironment environment, String query, long total) {
        PartSource<Event> source =
                new PartSource<>(
                        (subtask, parallelism) -> new NexmarkEvents(total, subtask, parallelism));
        DataStream<Event> events =
                environment.fromSource(
                        source,
                        WatermarkStrategy.forBoundedOutOfOrderness(Duration.ofSeconds(4)),
                        "events",
                        TypeInformation.of(Event.class));
        DataStream<Event> bids = events.filter(event -> event.kind == Kind.BID);
        switch (query) {
            case "nexmark-q0":
                price(bids, 1);
                break;
            case "nexmark-q1":
                price(bids, 908);
                break;
            case "nexmark-q2":
                bids.filter(bid -> bid.id % 123 == 0)
                        .map(bid -> Tuple2.of(bid.id, bid.price))
                        .returns(Types.TUPLE(Types.LONG, Types.LONG))
                        .sinkTo(
                                new Check.SummingSink<>(
                                        row -> NexmarkEvents.check(row.f0, row.f1, 0, 0)));
                break;
            case "nexmark-q5":
                hotItems(bids);
                break;
            case "nexmark-q7":
                highestBids(bids);
                break;
            case "nexmark-q8":
                newUsers(events);
                break;
            case "nexmark-q11":
                counts(bids.map(bid -> bid.person).returns(Types.LONG), EventTimeSessionWindows.withGap(TEN_SECONDS))
                        .sinkTo(new Check.SummingSink<>(NexmarkJobs::check));
                break;
            default:
                throw new IllegalArgumentException("no query " + query);
        }
    }

    private static long check(Tuple4<Long, Long, Long, Long> row) {
        return NexmarkEvents.check(row.f0, row.f1, row.f2, row.f3);
    }

    private static long checkBid(Tuple5<Long, Long, Long, Long, String> row) {
        return NexmarkEvents.check(row.f0, row.f1, row.f2, row.f3);
    }

    private static Tuple5<Long, Long, Long, Long, String> row(Event bid) {
        return Tuple5.of(bid.id, bid.price, bid.person, bid.dateTime, bid.extra);
    }

    private static void price(DataStream<Event> bids, long factor) {
        bids.map(bid -> Tuple5.of(bid.id, bid.person, bid.price * factor, bid.dateTime, bid.extra))
                .returns(BID)
                .sinkTo(new Check.SummingSink<>(NexmarkJobs::checkBid));
    }

    /** Bids of each id and window. */
    private static SingleOutputStreamOperator<Tuple4<Long, Long, Long, Long>> counts(
            DataStream<Long> ids, WindowAssigner<Object, TimeWindow> windows) {
        return ids.keyBy(id -> id, Types.LONG)
                .window(windows)
                .aggregate(new Count(), new WithBounds(), Types.LONG, Types.LONG, COUNTED);
    }

    private static void hotItems(DataStream<Event> bids) {
        counts(
                        bids.map(bid -> bid.id).returns(Types.LONG),
                        SlidingEventTimeWindows.of(TEN_SECONDS, SLIDE))
                .keyBy(counted -> counted.f3, Types.LONG)
                .window(TumblingEventTimeWindows.of(SLIDE))
                .aggregate(
                        new Best<Tuple4<Long, Long, Long, Long>>(1),
                        new EachOf<Tuple4<Long, Long, Long, Long>>(),
                        Types.LIST(COUNTED),
                        Types.LIST(COUNTED),
                        COUNTED)
                .sinkTo(new Check.SummingSink<>(NexmarkJobs::check));
    }

    private static void highestBids(DataStream<Event> bids) {
        long size = TEN_SECONDS.toMillis();
        bids.map(NexmarkJobs::row)
                .returns(BID)
                .keyBy(bid -> bid.f0, Types.LONG)
                .window(TumblingEventTimeWindows.of(TEN_SECONDS))
                .aggregate(
                        new Best<Tuple5<Long, Long, Long, Long, String>>(1),
                        new EachOf<Tuple5<Long, Long, Long, Long, String>>(),
                        Types.LIST(BID),
                        Types.LIST(BID),
                        BID)
                .keyBy(bid -> bid.f3 / size, Types.LONG)
                .window(TumblingEventTimeWindows.of(TEN_SECONDS))
                .aggregate(
                        new Best<Tuple5<Long, Long, Long, Long, String>>(1),
                        new EachOf<Tuple5<Long, Long, Long, Long, String>>(),
                        Types.LIST(BID),
                        Types.LIST(BID),
                        BID)
                .sinkTo(new Check.SummingSink<>(NexmarkJobs::checkBid));
    }

    private static void newUsers(DataStream<Event> events) {
        TypeInformation<Tuple2<Long, String>> named = Types.TUPLE(Types.LONG, Types.STRING);
        TypeInformation<Tuple3<Long, String, Long>> row =
                Types.TUPLE(Types.LONG, Types.STRING, Types.LONG);
        DataStream<Tuple2<Long, String>> people =
                events.filter(event -> event.kind == Kind.PERSON)
                        .map(person -> Tuple2.of(person.id, person.name))
                        .returns(named);
        DataStream<Long> sellers =
                events.filter(event -> event.kind == Kind.AUCTION)
                        .map(auction -> auction.person)
                        .returns(Types.LONG);
        people.coGroup(sellers)
                .where(person -> person.f0, Types.LONG)
                .equalTo(seller -> seller, Types.LONG)
                .window(TumblingEventTimeWindows.of(TEN_SECONDS))
                .apply(
                        (Iterable<Tuple2<Long, String>> first,
                                Iterable<Long> second,
                                Collector<Tuple2<Long, String>> out) -> {
                            if (second.iterator().hasNext()) {
                                first.forEach(out::collect);
                            }
                        },
                        named)
                .process(new WithWindow())
                .returns(row)
                .sinkTo(
                        new Check.SummingSink<>(
                                user -> NexmarkEvents.check(user.f0, user.f1.length(), user.f2, 0)));
    }

    /** Adds the start of the window, which a result's timestamp tells. */
    private static final class WithWindow
            extends org.apache.flink.streaming.api.functions.ProcessFunction<
                    Tuple2<Long, String>, Tuple3<Long, String, Long>> {
        @Override
        public void processElement(
                Tuple2<Long, String> user, Context context, Collector<Tuple3<Long, String, Long>> out) {
            long start = context.timestamp() + 1 - TEN_SECONDS.toMillis();
            out.collect(Tuple3.of(user.f0, user.f1, start));
        }
    }

    private static final class Count implements AggregateFunction<Long, Long, Long> {
        @Override
        public Long createAccumulator() {
            return 0L;
        }

        @Override
        public Long add(Long id, Long count) {
            return count + 1;
        }

        @Override
        public Long getResult(Long count) {
            return count;
        }

        @Override
        public Long merge(Long one, Long other) {
            return one + other;
        }
    }

    private static final class WithBounds
            extends ProcessWindowFunction<Long, Tuple4<Long, Long, Long, Long>, Long, TimeWindow> {
        @Override
        public void process(
                Long id,
                Context context,
                Iterable<Long> counts,
                Collector<Tuple4<Long, Long, Long, Long>> out) {
            TimeWindow window = context.window();
            out.collect(Tuple4.of(id, counts.iterator().next(), window.getStart(), window.getEnd()));
        }
    }

    /** Keeps the records with the highest value of a field. */
    private static final class Best<T extends org.apache.flink.api.java.tuple.Tuple>
            implements AggregateFunction<T, List<T>, List<T>> {
        private final int field;

        Best(int field) {
            this.field = field;
        }

        @Override
        public List<T> createAccumulator() {
            return new ArrayList<>(1);
        }

        @Override
        public List<T> add(T record, List<T> best) {
            if (!best.isEmpty()) {
                long known = best.get(0).<Long>getField(field);
                long rank = record.<Long>getField(field);
                if (rank < known) {
                    return best;
                }
                if (rank > known) {
                    best.clear();
                }
            }
            // A copy: with object reuse the record may be written over.
            best.add(record.<T>copy());
            return best;
        }

        @Override
        public List<T> getResult(List<T> best) {
            return best;
        }

        @Override
        public List<T> merge(List<T> one, List<T> other) {
            other.forEach(record -> add(record, one));
            return one;
        }
    }

    private static final class EachOf<T>
            extends ProcessWindowFunction<List<T>, T, Long, TimeWindow> {
        @Override
        public void process(
                Long key, Context context, Iterable<List<T>> best, Collector<T> out) {
            best.iterator().next().forEach(out::collect);
        }
    }
}
