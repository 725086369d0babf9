package brisk.bench;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** An 8-byte key and 92 bytes beside it. */
public final class Record {
    static final OwnType<Record> TYPE = new OwnType<>(Record.class, new Serializer());

    long key;
    final byte[] payload;

    Record(byte[] payload) {
        this.payload = payload;
    }

    /** 100 bytes, no lengths, no field names. */
    public static final class Serializer extends TypeSerializerSingleton<Record> {
        @Override
        public boolean isImmutableType() {
            return false;
        }

        @Override
        public Record createInstance() {
            return new Record(new byte[Generator.PAYLOAD_BYTES]);
        }

        @Override
        public Record copy(Record from) {
            return copy(from, createInstance());
        }

        @Override
        public Record copy(Record from, Record reuse) {
            reuse.key = from.key;
            System.arraycopy(from.payload, 0, reuse.payload, 0, Generator.PAYLOAD_BYTES);
            return reuse;
        }

        @Override
        public int getLength() {
            return 8 + Generator.PAYLOAD_BYTES;
        }

        @Override
        public void serialize(Record record, DataOutputView target) throws IOException {
            target.writeLong(record.key);
            target.write(record.payload, 0, Generator.PAYLOAD_BYTES);
        }

        @Override
        public Record deserialize(DataInputView source) throws IOException {
            return deserialize(createInstance(), source);
        }

        @Override
        public Record deserialize(Record reuse, DataInputView source) throws IOException {
            reuse.key = source.readLong();
            source.readFully(reuse.payload, 0, Generator.PAYLOAD_BYTES);
            return reuse;
        }

        @Override
        public void copy(DataInputView source, DataOutputView target) throws IOException {
            target.write(source, getLength());
        }

        @Override
        public TypeSerializerSnapshot<Record> snapshotConfiguration() {
            return new Snapshot();
        }
    }

    /** Never written: checkpoints are off. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<Record> {
        public Snapshot() {
            super(Serializer::new);
        }
    }
}
