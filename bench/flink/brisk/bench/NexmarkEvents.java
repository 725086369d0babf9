package brisk.bench;

import java.nio.charset.StandardCharsets;
import org.apache.flink.api.connector.source.ReaderOutput;

/**
 * Port of runtime/brisk/examples/nexmark/generator.rs and source.rs: the same events, and each subtask
 * makes every so many-th block of them.
 */
final class NexmarkEvents implements PartSource.Part<NexmarkEvents.Event> {
    private static final long ROUND = 50;
    private static final long AUCTIONS = 3;
    private static final long FIRST_ID = 1000;
    private static final long RUNNING = 100;
    private static final long ACTIVE = 1000;
    private static final long LEAD = 10;
    private static final long BATCH = 100;
    private static final long BLOCK = 4 * ROUND;
    private static final long BEGIN_MS = 1_436_918_400_000L;
    private static final long RATE = 10_000;
    private static final long SEED = 1;
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    private static final String[] FIRST_NAMES = {
        "Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"
    };
    private static final String[] LAST_NAMES = {
        "Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"
    };
    private static final String[] CITIES = {
        "Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle",
        "Kent", "Cheyenne"
    };
    private static final String[] STATES = {"AZ", "CA", "ID", "OR", "WA", "WY"};
    private static final String[] HOT_CHANNELS = {"Google", "Facebook", "Baidu", "Apple"};

    /** What an event is. */
    enum Kind {
        PERSON,
        AUCTION,
        BID
    }

    /** A person (id; name, email, card, city, state), an auction or a bid. */
    static final class Event {
        Kind kind;
        long id;
        /** Of an auction its seller, of a bid its bidder. */
        long person;
        long category;
        long initialBid;
        long reserve;
        long expires;
        long price;
        long dateTime;
        String name;
        String emailAddress;
        String creditCard;
        String city;
        String state;
        String itemName;
        String description;
        String channel;
        String url;
        String extra;
    }

    static long mix(long state) {
        long x = state + GOLDEN;
        x = (x ^ (x >>> 30)) * 0xBF58476D1CE4E5B9L;
        x = (x ^ (x >>> 27)) * 0x94D049BB133111EBL;
        return x ^ (x >>> 31);
    }

    /** A row's part of the check value. */
    static long check(long a, long b, long c, long d) {
        return mix(mix(mix(mix(a) ^ b) ^ c) ^ d) >>> 32;
    }

    private final long count;
    private final int parallelism;
    private long next;
    private long random;
    private final byte[] letters = new byte[1024];

    NexmarkEvents(long count, int subtask, int parallelism) {
        this.count = count;
        this.parallelism = parallelism;
        this.next = subtask * BLOCK;
    }

    @Override
    public boolean emit(ReaderOutput<Event> output) {
        long end = Math.min(count, next + BLOCK);
        for (; next < end; next++) {
            Event event = event(next);
            output.collect(event, event.dateTime);
        }
        next += (parallelism - 1) * BLOCK;
        return next < count;
    }

    private long draw() {
        long drawn = mix(random);
        random += GOLDEN;
        return drawn;
    }

    private long below(long end) {
        return ((draw() >>> 32) * end) >>> 32;
    }

    private String oneOf(String[] words) {
        return words[(int) below(words.length)];
    }

    private long price() {
        long steps = 1L << 20;
        long drawn = below(19 * steps + steps * 93 / 100);
        return ((100 * (steps + drawn % steps)) << (drawn / steps)) / steps;
    }

    private String letters(long count) {
        int wanted = (int) Math.min(count, letters.length);
        for (int at = 0; at < wanted; at += 8) {
            long word = (draw() & 0x0f0f0f0f0f0f0f0fL) + 0x6161616161616161L;
            for (int byteOf = 0; byteOf < 8; byteOf++) {
                letters[at + byteOf] = (byte) (word >>> (8 * byteOf));
            }
        }
        return new String(letters, 0, wanted, StandardCharsets.ISO_8859_1);
    }

    private String extra(long size, long average) {
        long missing = Math.max(0, average - size);
        return letters(missing - missing / 5 + below(2 * (missing / 5) + 1));
    }

    private static long dateTime(long n) {
        return BEGIN_MS + n * 1000 / RATE;
    }

    private Event event(long n) {
        random = mix(SEED) ^ mix(n);
        Event event = new Event();
        event.dateTime = dateTime(n);
        long offset = n % ROUND;
        if (offset < 1) {
            person(event, n);
        } else if (offset < 1 + AUCTIONS) {
            auction(event, n);
        } else {
            bid(event, n);
        }
        return event;
    }

    private void person(Event event, long n) {
        event.kind = Kind.PERSON;
        event.id = lastPerson(n) + FIRST_ID;
        event.name = oneOf(FIRST_NAMES) + " " + oneOf(LAST_NAMES);
        event.emailAddress = letters(7) + "@" + letters(5) + ".com";
        event.creditCard = below(10_000) + " " + below(10_000) + " " + below(10_000) + " " + below(10_000);
        event.city = oneOf(CITIES);
        event.state = oneOf(STATES);
        event.extra = extra(8 + event.name.length() + 17 + 19 + 20, 200);
    }

    private void auction(Event event, long n) {
        event.kind = Kind.AUCTION;
        event.id = lastAuction(n) + FIRST_ID;
        long seller = below(4) == 0 ? somePerson(n) : lastPerson(n) / BATCH * BATCH;
        event.person = seller + FIRST_ID;
        event.category = 10 + below(5);
        event.initialBid = price();
        event.reserve = event.initialBid + price();
        long horizon = dateTime(n + RUNNING * ROUND / AUCTIONS) - event.dateTime;
        event.expires = event.dateTime + 1 + below(Math.max(2 * horizon, 1));
        event.itemName = letters(20);
        event.description = letters(100);
        event.extra = extra(8 * 7 + 120, 500);
    }

    private void bid(Event event, long n) {
        event.kind = Kind.BID;
        long auction = below(2) == 0 ? someAuction(n) : lastAuction(n) / BATCH * BATCH;
        long bidder = below(4) == 0 ? somePerson(n) : lastPerson(n) / BATCH * BATCH + 1;
        event.id = auction + FIRST_ID;
        event.person = bidder + FIRST_ID;
        event.price = price();
        String page = letters(5);
        if (below(2) == 0) {
            long number = below(10_000);
            event.channel = "channel-" + number;
            event.url =
                    "https://www.nexmark.com/" + page + "/item.htm?query=1&channel_id=" + number;
        } else {
            event.url = "https://www.nexmark.com/" + page + "/item.htm?query=1";
            event.channel = oneOf(HOT_CHANNELS);
        }
        event.extra = extra(8 * 4, 100);
    }

    private static long lastPerson(long n) {
        return n / ROUND;
    }

    private static long lastAuction(long n) {
        long round = n / ROUND;
        long offset = n % ROUND;
        return offset < 1 ? round * AUCTIONS - 1 : round * AUCTIONS + Math.min(offset - 1, AUCTIONS - 1);
    }

    private long somePerson(long n) {
        long people = lastPerson(n) + 1;
        long active = Math.min(people, ACTIVE);
        return people - active + below(active + LEAD);
    }

    private long someAuction(long n) {
        long last = lastAuction(n);
        long first = Math.max(last - RUNNING, 0);
        return first + below(last - first + 1 + LEAD);
    }
}
