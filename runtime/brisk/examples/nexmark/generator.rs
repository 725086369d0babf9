//! The events of Nexmark, each made from a seed and its number, so that they are the same whoever
//! makes them and in whatever order.
//!
//! After the generator of Apache Beam and nexmark/nexmark, with its proportions and constants: of 50
//! events, 1 is a person, 3 are auctions, 46 are bids; half of the bids go to a hot auction (the first
//! of the last hundred), three quarters come from a hot bidder, three quarters of the auctions are a
//! hot seller's; what is not hot is one of the last 100 auctions or 1,000 people, or one of ten that
//! are to come. Sizes of records are those of the original on average.
//!
//! Different here, so that every language computes the same: numbers are drawn by splitmix64 for each
//! event by itself, and prices are made of powers of two with shifts, not of powers of ten with
//! floating point; they lie between 1.00 and 1,000,000.00, each magnitude as often as any other.

use compact_str::{CompactString, format_compact};

use super::model::{Auction, Bid, Event, Person};

/// Events of one round: a person, three auctions, and bids.
pub(crate) const ROUND: u64 = 50;
const PEOPLE: i64 = 1;
const AUCTIONS: i64 = 3;

const FIRST_ID: i64 = 1000;
const FIRST_CATEGORY: u64 = 10;
const CATEGORIES: u64 = 5;

/// Auctions that are running, people who are active, and how many of each may be named early.
const RUNNING: i64 = 100;
const ACTIVE: i64 = 1000;
const LEAD: u64 = 10;

/// Of so many draws, all but one are hot: for auctions, sellers and bidders.
const HOT_AUCTION: u64 = 2;
const HOT_SELLER: u64 = 4;
const HOT_BIDDER: u64 = 4;
/// Of so many auctions or people one is hot.
const BATCH: i64 = 100;

/// Average sizes in bytes.
const PERSON_BYTES: u64 = 200;
const AUCTION_BYTES: u64 = 500;
const BID_BYTES: u64 = 100;

/// 2015-07-15 00:00 UTC, when all this begins.
const BEGIN_MS: i64 = 1_436_918_400_000;

const FIRST_NAMES: [&str; 11] = [
    "Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter",
];
const LAST_NAMES: [&str; 9] =
    ["Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"];
const CITIES: [&str; 10] = [
    "Phoenix",
    "Los Angeles",
    "San Francisco",
    "Boise",
    "Portland",
    "Bend",
    "Redmond",
    "Seattle",
    "Kent",
    "Cheyenne",
];
const STATES: [&str; 6] = ["AZ", "CA", "ID", "OR", "WA", "WY"];
const HOT_CHANNELS: [&str; 4] = ["Google", "Facebook", "Baidu", "Apple"];
/// The others.
const CHANNELS: u64 = 10_000;

/// The increment of splitmix64.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// What splitmix64 makes of a state.
#[inline]
pub(crate) fn mix(state: u64) -> u64 {
    let mut x = state.wrapping_add(GOLDEN);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// Draws for one event.
struct Random(u64);

impl Random {
    #[inline]
    fn next(&mut self) -> u64 {
        let drawn = mix(self.0);
        self.0 = self.0.wrapping_add(GOLDEN);
        drawn
    }

    /// Less than `end`, which is below 2^32.
    #[inline]
    fn below(&mut self, end: u64) -> u64 {
        ((self.next() >> 32) * end) >> 32
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }

    /// From 100 to 100 million cents: a power of two between 2^0 and 2^20 in 2^20 steps each, and the
    /// mantissa beside it.
    fn price(&mut self) -> u64 {
        const STEPS: u64 = 1 << 20;
        // log2(10^6) = 19.93.
        let drawn = self.below(19 * STEPS + STEPS * 93 / 100);
        ((100 * (STEPS + drawn % STEPS)) << (drawn / STEPS)) / STEPS
    }

    /// So many letters, eight of each draw.
    fn letters(&mut self, count: u64) -> CompactString {
        // Bids, which are most, need no more than the first.
        match count as usize {
            count @ ..=128 => self.letters_in(&mut [0; 128], count),
            count => self.letters_in(&mut [0; 1024], count.min(1024)),
        }
    }

    fn letters_in(&mut self, bytes: &mut [u8], count: usize) -> CompactString {
        for eight in bytes[..count.next_multiple_of(8)].chunks_exact_mut(8) {
            let word = (self.next() & 0x0f0f_0f0f_0f0f_0f0f) + 0x6161_6161_6161_6161;
            eight.copy_from_slice(&word.to_le_bytes());
        }
        let text = std::str::from_utf8(&bytes[..count]).expect("letters are ASCII");
        CompactString::new(text)
    }

    /// Fills a record of `size` bytes up to `average`, more or less.
    fn extra(&mut self, size: u64, average: u64) -> CompactString {
        let missing = average.saturating_sub(size);
        let length = missing - missing / 5 + self.below(2 * (missing / 5) + 1);
        self.letters(length)
    }
}

/// Makes events.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Generator {
    seed: u64,
    /// Events of one second of event time.
    rate: u64,
}

impl Generator {
    /// The events of a seed, so many of them in each second of their time.
    pub(crate) fn new(seed: u64, rate: u64) -> Self {
        assert!(rate > 0, "an event takes time");
        Self { seed, rate }
    }

    /// When event `n` happens.
    fn date_time(&self, n: u64) -> i64 {
        BEGIN_MS + (n * 1000 / self.rate) as i64
    }

    fn random(&self, n: u64) -> Random {
        Random(mix(self.seed) ^ mix(n))
    }

    /// Event `n`.
    pub(crate) fn event(&self, n: u64) -> Event {
        match (n % ROUND) as i64 {
            offset if offset < PEOPLE => Event::Person(self.person(n)),
            offset if offset < PEOPLE + AUCTIONS => Event::Auction(self.auction(n)),
            _ => Event::Bid(self.bid(n)),
        }
    }

    fn person(&self, n: u64) -> Person {
        let mut random = self.random(n);
        let name =
            format_compact!("{} {}", random.one_of(&FIRST_NAMES), random.one_of(&LAST_NAMES));
        let email_address = format_compact!("{}@{}.com", random.letters(7), random.letters(5));
        let mut four = || random.below(10_000);
        let credit_card =
            format_compact!("{:04} {:04} {:04} {:04}", four(), four(), four(), four());
        let (city, state) = (random.one_of(&CITIES).into(), random.one_of(&STATES).into());
        let size = 8 + name.len() + email_address.len() + credit_card.len() + 20;
        Person {
            id: (last_person(n) + FIRST_ID) as u64,
            name,
            email_address,
            credit_card,
            city,
            state,
            date_time: self.date_time(n),
            extra: random.extra(size as u64, PERSON_BYTES),
        }
    }

    fn auction(&self, n: u64) -> Auction {
        let mut random = self.random(n);
        let seller = match random.below(HOT_SELLER) {
            0 => some_person(n, &mut random),
            _ => last_person(n) / BATCH * BATCH,
        };
        let category = FIRST_CATEGORY + random.below(CATEGORIES);
        let (initial_bid, more) = (random.price(), random.price());
        let date_time = self.date_time(n);
        // It runs until about as many auctions have begun as run at a time.
        let later = n + (RUNNING as u64) * ROUND / AUCTIONS as u64;
        let horizon = (self.date_time(later) - date_time) as u64;
        let expires = date_time + 1 + random.below((2 * horizon).max(1)) as i64;
        let (item_name, description) = (random.letters(20), random.letters(100));
        Auction {
            id: (last_auction(n) + FIRST_ID) as u64,
            item_name,
            description,
            initial_bid,
            reserve: initial_bid + more,
            date_time,
            expires,
            seller: (seller + FIRST_ID) as u64,
            category,
            extra: random.extra(8 * 7 + 120, AUCTION_BYTES),
        }
    }

    fn bid(&self, n: u64) -> Bid {
        let mut random = self.random(n);
        let auction = match random.below(HOT_AUCTION) {
            0 => some_auction(n, &mut random),
            _ => last_auction(n) / BATCH * BATCH,
        };
        // The second of its batch, so that hot bidders are no hot sellers.
        let bidder = match random.below(HOT_BIDDER) {
            0 => some_person(n, &mut random),
            _ => last_person(n) / BATCH * BATCH + 1,
        };
        let price = random.price();
        let page = random.letters(5);
        let url_parts = ["https://www.nexmark.com/", &page, "/item.htm?query=1"];
        let (channel, url) = match random.below(2) {
            0 => {
                let number = random.below(CHANNELS);
                let number = Digits::of(number);
                let [scheme, page, query] = url_parts;
                let url = joined(&[scheme, page, query, "&channel_id=", number.text()]);
                (joined(&["channel-", number.text()]), url)
            }
            _ => (random.one_of(&HOT_CHANNELS).into(), joined(&url_parts)),
        };
        Bid {
            auction: (auction + FIRST_ID) as u64,
            bidder: (bidder + FIRST_ID) as u64,
            price,
            channel,
            url,
            date_time: self.date_time(n),
            extra: random.extra(8 * 4, BID_BYTES),
        }
    }
}

/// The parts as one text, made in one piece: what formats it piece by piece takes longer than all else
/// of a bid.
fn joined(parts: &[&str]) -> CompactString {
    let mut text = CompactString::with_capacity(parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| text.push_str(part));
    text
}

/// A number below 10,000 in decimal digits.
struct Digits {
    digits: [u8; 4],
    first: usize,
}

impl Digits {
    fn of(number: u64) -> Self {
        let (mut digits, mut first, mut left) = ([b'0'; 4], 3, number);
        for (at, digit) in digits.iter_mut().enumerate().rev() {
            *digit = b'0' + (left % 10) as u8;
            left /= 10;
            if *digit != b'0' {
                first = at;
            }
        }
        assert_eq!(left, 0, "{number} has more than four digits");
        Self { digits, first }
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.digits[self.first..]).expect("digits are ASCII")
    }
}

/// The newest person when event `n` happens, counted from 0.
fn last_person(n: u64) -> i64 {
    (n / ROUND) as i64 * PEOPLE + ((n % ROUND) as i64).min(PEOPLE - 1)
}

/// The newest auction when event `n` happens, counted from 0; -1 when there is none.
fn last_auction(n: u64) -> i64 {
    let (round, offset) = ((n / ROUND) as i64, (n % ROUND) as i64);
    if offset < PEOPLE {
        return round * AUCTIONS - 1;
    }
    round * AUCTIONS + (offset - PEOPLE).min(AUCTIONS - 1)
}

/// One of the active people, or of those who come next.
fn some_person(n: u64, random: &mut Random) -> i64 {
    let people = last_person(n) + 1;
    let active = people.min(ACTIVE);
    people - active + random.below(active as u64 + LEAD) as i64
}

/// One of the auctions that are running, or of those that come next.
fn some_auction(n: u64, random: &mut Random) -> i64 {
    let last = last_auction(n);
    let first = (last - RUNNING).max(0);
    first + random.below((last - first + 1) as u64 + LEAD) as i64
}
