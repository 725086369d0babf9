package brisk.bench;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Auction, price and time. */
public final class Bid {
    static final OwnType<Bid> TYPE = new OwnType<>(Bid.class, new Serializer());

    long auction;
    long price;
    long timeMs;

    /** 24 bytes, no lengths, no field names. */
    public static final class Serializer extends TypeSerializerSingleton<Bid> {
        @Override
        public boolean isImmutableType() {
            return false;
        }

        @Override
        public Bid createInstance() {
            return new Bid();
        }

        @Override
        public Bid copy(Bid from) {
            return copy(from, createInstance());
        }

        @Override
        public Bid copy(Bid from, Bid reuse) {
            reuse.auction = from.auction;
            reuse.price = from.price;
            reuse.timeMs = from.timeMs;
            return reuse;
        }

        @Override
        public int getLength() {
            return 24;
        }

        @Override
        public void serialize(Bid bid, DataOutputView target) throws IOException {
            target.writeLong(bid.auction);
            target.writeLong(bid.price);
            target.writeLong(bid.timeMs);
        }

        @Override
        public Bid deserialize(DataInputView source) throws IOException {
            return deserialize(createInstance(), source);
        }

        @Override
        public Bid deserialize(Bid reuse, DataInputView source) throws IOException {
            reuse.auction = source.readLong();
            reuse.price = source.readLong();
            reuse.timeMs = source.readLong();
            return reuse;
        }

        @Override
        public void copy(DataInputView source, DataOutputView target) throws IOException {
            target.write(source, getLength());
        }

        @Override
        public TypeSerializerSnapshot<Bid> snapshotConfiguration() {
            return new Snapshot();
        }
    }

    /** Never written: checkpoints are off. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<Bid> {
        public Snapshot() {
            super(Serializer::new);
        }
    }
}
