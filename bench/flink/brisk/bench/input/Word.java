package brisk.bench;

import java.io.IOException;
import java.util.Arrays;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * A word in lower case: ASCII bytes and their hash, which is computed once, where the word is cut
 * out, and travels with it.
 */
public final class Word {
    static final OwnType<Word> TYPE = new OwnType<>(Word.class, new Serializer());

    byte[] bytes;
    int length;
    int hash;

    Word(byte[] bytes, int length, int hash) {
        this.bytes = bytes;
        this.length = length;
        this.hash = hash;
    }

    @Override
    public int hashCode() {
        return hash;
    }

    @Override
    public boolean equals(Object other) {
        if (!(other instanceof Word)) {
            return false;
        }
        Word word = (Word) other;
        return hash == word.hash
                && Arrays.equals(bytes, 0, length, word.bytes, 0, word.length);
    }

    /** Length, hash, bytes. */
    public static final class Serializer extends TypeSerializerSingleton<Word> {
        @Override
        public boolean isImmutableType() {
            return false;
        }

        @Override
        public Word createInstance() {
            return new Word(new byte[0], 0, 0);
        }

        @Override
        public Word copy(Word from) {
            return new Word(Arrays.copyOf(from.bytes, from.length), from.length, from.hash);
        }

        @Override
        public Word copy(Word from, Word reuse) {
            return copy(from);
        }

        @Override
        public int getLength() {
            return -1;
        }

        @Override
        public void serialize(Word word, DataOutputView target) throws IOException {
            target.writeInt(word.length);
            target.writeInt(word.hash);
            target.write(word.bytes, 0, word.length);
        }

        @Override
        public Word deserialize(DataInputView source) throws IOException {
            int length = source.readInt();
            int hash = source.readInt();
            byte[] bytes = new byte[length];
            source.readFully(bytes, 0, length);
            return new Word(bytes, length, hash);
        }

        @Override
        public Word deserialize(Word reuse, DataInputView source) throws IOException {
            return deserialize(source);
        }

        @Override
        public void copy(DataInputView source, DataOutputView target) throws IOException {
            int length = source.readInt();
            target.writeInt(length);
            target.write(source, 4 + length);
        }

        @Override
        public TypeSerializerSnapshot<Word> snapshotConfiguration() {
            return new Snapshot();
        }
    }

    /** Never written: checkpoints are off. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<Word> {
        public Snapshot() {
            super(Serializer::new);
        }
    }
}
