package brisk.bench;

import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ToLongFunction;
import java.io.Serializable;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;

/**
 * What the subtasks of a job report to the process they run in: the jobs run in a mini cluster, so
 * static fields reach every subtask.
 */
final class Check {
    /** The sum over everything that arrived, modulo 2^64. */
    static final AtomicLong SUM = new AtomicLong();

    /** Words that the sources cut out of the text. */
    static final AtomicLong WORDS = new AtomicLong();

    private Check() {}

    static void reset() {
        SUM.set(0);
        WORDS.set(0);
    }

    /** A function that can be shipped with a job. */
    interface ValueOf<T> extends ToLongFunction<T>, Serializable {}

    /** Discards records after adding up what `value` makes of them. */
    static final class SummingSink<T> implements Sink<T> {
        private final ValueOf<T> value;

        SummingSink(ValueOf<T> value) {
            this.value = value;
        }

        @Override
        public SinkWriter<T> createWriter(WriterInitContext context) {
            return new SinkWriter<T>() {
                private long sum;

                @Override
                public void write(T record, Context context) {
                    sum += value.applyAsLong(record);
                }

                @Override
                public void flush(boolean endOfInput) {}

                @Override
                public void close() {
                    SUM.addAndGet(sum);
                }
            };
        }
    }
}
