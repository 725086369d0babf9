package brisk.bench;

import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/**
 * `wordcount`: text cut into words in the source, keyed by word, counted, each update emitted
 * (streaming) or the last one only (batch).
 */
final class WordCountJob {
    private static final int CHUNK_BYTES = 256 * 1024;

    /** What a byte becomes inside a word: its lower case, or 0 where it separates words. */
    private static final byte[] WORD_BYTE = new byte[256];

    static {
        for (int b = 0; b < 128; b++) {
            if (Character.isLetterOrDigit(b)) {
                WORD_BYTE[b] = (byte) Character.toLowerCase(b);
            }
        }
    }

    private WordCountJob() {}

    static void build(StreamExecutionEnvironment environment, String path) {
        PartSource<Word> source =
                new PartSource<>((subtask, parallelism) -> new Words(path, subtask, parallelism));
        environment
                .fromSource(source, WatermarkStrategy.noWatermarks(), "words", Word.TYPE)
                .keyBy(word -> word, Word.TYPE)
                .process(new Count())
                .returns(Types.LONG)
                .sinkTo(new Check.SummingSink<>(count -> count));
    }

    /** One range of the file; a line belongs to the range that its first byte is in. */
    private static final class Words implements PartSource.Part<Word> {
        private final RandomAccessFile file;
        private final Word word = new Word(new byte[64], 0, 0);
        private final byte[] chunk = new byte[CHUNK_BYTES];
        private final long end;
        private long position;
        private long words;
        private boolean skipping;

        Words(String path, int subtask, int parallelism) throws IOException {
            long length = new File(path).length();
            file = new RandomAccessFile(path, "r");
            position = length / parallelism * subtask;
            end = subtask + 1 == parallelism ? length : length / parallelism * (subtask + 1);
            skipping = position > 0;
            // One byte early: a break just before the range makes its first line ours.
            position -= skipping ? 1 : 0;
            file.seek(position);
        }

        @Override
        public boolean emit(ReaderOutput<Word> output) throws IOException {
            int read = file.read(chunk);
            boolean more = read > 0 && cut(output, read);
            if (!more) {
                finishWord(output);
                Check.WORDS.addAndGet(words);
                file.close();
            }
            return more;
        }

        /** Cuts the chunk into words; false when the range ended in it. */
        private boolean cut(ReaderOutput<Word> output, int read) {
            int at = 0;
            while (skipping && at < read) {
                skipping = chunk[at++] != '\n';
            }
            // The line that the last byte of the range is in ends the range.
            long last = Math.max(end - 1 - position, 0);
            int stop = read;
            boolean more = true;
            for (int search = (int) Math.min(last, read); search < read && more; search++) {
                if (chunk[search] == '\n') {
                    stop = search;
                    more = false;
                }
            }
            position += read;
            int length = word.length;
            int hash = word.hash;
            byte[] bytes = word.bytes;
            for (; at < stop; at++) {
                byte letter = WORD_BYTE[chunk[at] & 0xFF];
                if (letter != 0) {
                    if (length == bytes.length) {
                        bytes = word.bytes = java.util.Arrays.copyOf(bytes, 2 * length);
                    }
                    bytes[length++] = letter;
                    hash = 31 * hash + letter;
                } else if (length > 0) {
                    word.length = length;
                    word.hash = hash;
                    output.collect(word);
                    words++;
                    length = 0;
                    hash = 0;
                }
            }
            word.length = length;
            word.hash = hash;
            return more;
        }

        private void finishWord(ReaderOutput<Word> output) {
            if (word.length > 0) {
                output.collect(word);
                words++;
            }
        }
    }

    /** Counts per word in keyed state. */
    private static final class Count extends KeyedProcessFunction<Word, Word, Long> {
        private transient ValueState<Long> counts;

        @Override
        public void open(OpenContext context) {
            counts = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.LONG));
        }

        @Override
        public void processElement(Word word, Context context, Collector<Long> output)
                throws Exception {
            Long before = counts.value();
            Long count = before == null ? 1L : before + 1;
            counts.update(count);
            output.collect(count);
        }
    }
}
