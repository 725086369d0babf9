package brisk.bench;

import java.io.Serializable;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * A bounded source whose subtasks know their part by their index: no splits are handed out, and one
 * poll sends a whole batch, so that nothing but the emission is measured.
 */
final class PartSource<T> implements Source<T, PartSource.NoSplit, Void> {
    /** Opens the part of one subtask. */
    interface Parts<T> extends Serializable {
        Part<T> open(int subtask, int parallelism) throws Exception;
    }

    /** What one subtask sends. */
    interface Part<T> {
        /** Sends a batch; false when it was the last one. */
        boolean emit(ReaderOutput<T> output) throws Exception;
    }

    /** Never made. */
    static final class NoSplit implements SourceSplit {
        @Override
        public String splitId() {
            throw new IllegalStateException("this source has no splits");
        }
    }

    private final Parts<T> parts;

    PartSource(Parts<T> parts) {
        this.parts = parts;
    }

    @Override
    public Boundedness getBoundedness() {
        return Boundedness.BOUNDED;
    }

    @Override
    public SourceReader<T, NoSplit> createReader(SourceReaderContext context) throws Exception {
        return new Reader<>(
                parts.open(context.getIndexOfSubtask(), context.currentParallelism()));
    }

    @Override
    public SplitEnumerator<NoSplit, Void> createEnumerator(SplitEnumeratorContext<NoSplit> context) {
        return new NoEnumerator();
    }

    @Override
    public SplitEnumerator<NoSplit, Void> restoreEnumerator(
            SplitEnumeratorContext<NoSplit> context, Void checkpoint) {
        return new NoEnumerator();
    }

    @Override
    public SimpleVersionedSerializer<NoSplit> getSplitSerializer() {
        return new NothingSerializer<>();
    }

    @Override
    public SimpleVersionedSerializer<Void> getEnumeratorCheckpointSerializer() {
        return new NothingSerializer<>();
    }

    private static final class Reader<T> implements SourceReader<T, NoSplit> {
        private final Part<T> part;

        Reader(Part<T> part) {
            this.part = part;
        }

        @Override
        public void start() {}

        @Override
        public InputStatus pollNext(ReaderOutput<T> output) throws Exception {
            return part.emit(output) ? InputStatus.MORE_AVAILABLE : InputStatus.END_OF_INPUT;
        }

        @Override
        public List<NoSplit> snapshotState(long checkpoint) {
            return Collections.emptyList();
        }

        @Override
        public CompletableFuture<Void> isAvailable() {
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public void addSplits(List<NoSplit> splits) {}

        @Override
        public void notifyNoMoreSplits() {}

        @Override
        public void close() {}
    }

    private static final class NoEnumerator implements SplitEnumerator<NoSplit, Void> {
        @Override
        public void start() {}

        @Override
        public void handleSplitRequest(int subtask, String host) {}

        @Override
        public void addSplitsBack(List<NoSplit> splits, int subtask) {}

        @Override
        public void addReader(int subtask) {}

        @Override
        public Void snapshotState(long checkpoint) {
            return null;
        }

        @Override
        public void close() {}
    }

    private static final class NothingSerializer<E> implements SimpleVersionedSerializer<E> {
        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(E value) {
            return new byte[0];
        }

        @Override
        public E deserialize(int version, byte[] bytes) {
            return null;
        }
    }
}
