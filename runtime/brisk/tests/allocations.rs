//! An exchange allocates nothing per record.

#[path = "support/mod.rs"]
mod support;
#[path = "support/tally.rs"]
mod tally;

use brisk::{
    memory::heap::{CountingAllocator, thread_allocations},
    prelude::*,
};
use compact_str::CompactString;
use rkyv::string::ArchivedString;
use std::{collections::HashMap, fmt::Write, sync::Arc, thread};
use support::{assert_all_returned, cluster, environment};
use tally::{Tally, total};

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator::system();

const FEW: u64 = 100_000;
const MANY: u64 = FEW + 1_000_000;
/// What a longer run may allocate more: queues that grow, a handful for each of many turns.
const SPARE: u64 = 2000;

/// Allocations so far of all worker threads and this one.
fn allocations(cluster: &Arc<MiniCluster>) -> u64 {
    let env = environment(cluster, 2);
    let asked = env.from_sequence(0..=99).map(|_| {
        let thread = format!("{:?}", thread::current().id());
        (thread, thread_allocations())
    });
    let asked = asked.collect();
    env.execute("count allocations").expect("the job runs");
    let threads: HashMap<String, u64> = asked.take().into_iter().collect();
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
    assert_eq!(threads.len(), cores.min(2), "each worker was asked");
    threads.values().sum::<u64>() + thread_allocations()
}

/// Runs `job` with few and with a million more records; how many allocations more that takes.
fn further_allocations(job: impl Fn(&StreamExecutionEnvironment, u64)) -> u64 {
    let cluster = cluster(&[], 2);
    let count = |records| {
        let env = environment(&cluster, 2);
        let before = allocations(&cluster);
        job(&env, records);
        allocations(&cluster) - before
    };
    // The first run fills what is kept: pools, tables, lists of workers.
    count(FEW);
    let few = count(FEW);
    let many = count(MANY);
    assert_all_returned(&cluster);
    eprintln!("{few} allocations for {FEW} records, {many} for {MANY}");
    many.saturating_sub(few)
}

#[derive(rkyv::Archive, rkyv::Serialize, rkyv::Deserialize, Clone)]
struct Event {
    key: u32,
    value: [u8; 96],
}

const _: () = assert!(size_of::<Event>() == 100);

#[test]
fn records_of_a_hundred_bytes() {
    let more = further_allocations(|env, records| {
        let key = viewed(|event: &Event| event.key, |event: &ArchivedEvent| event.key.to_native());
        let make = |n: u64| Event { key: n as u32 % 1009, value: [n as u8; 96] };
        let read = |event: &ArchivedEvent, out: &mut Collector<u64>| {
            out.collect(u64::from(event.key.to_native()) + u64::from(event.value[95]));
        };
        let events = env.from_generator(Some(records), RateLimit::Unlimited, make);
        let read = events.key_by(key).into_stream().flat_map_view(read);
        let tallies = read.process(Tally::default()).collect();
        env.execute("events").expect("the job runs");
        let expected = (0..records).map(|n| n % 1009 + u64::from(n as u8)).sum();
        assert_eq!(total(tallies.take()), (records, expected));
    });
    assert!(more < SPARE, "{more} allocations more");
}

/// A short text that fits into a small string.
fn word(n: u64) -> CompactString {
    let mut word = CompactString::default();
    write!(word, "w{}", n % 10_000).expect("texts take everything");
    word
}

fn words_read(word: &ArchivedString, out: &mut Collector<u64>) {
    out.collect(word.len() as u64);
}

fn length_of_all_words(records: u64) -> u64 {
    (0..records).map(|n| word(n).len() as u64).sum()
}

#[test]
fn small_strings() {
    let more = further_allocations(|env, records| {
        let words = env.from_generator(Some(records), RateLimit::Unlimited, word);
        let lengths = words.key_by(text()).into_stream().flat_map_view(words_read);
        let tallies = lengths.process(Tally::default()).collect();
        env.execute("small strings").expect("the job runs");
        assert_eq!(total(tallies.take()), (records, length_of_all_words(records)));
    });
    assert!(more < SPARE, "{more} allocations more");
}

#[test]
fn strings_are_allocated_by_who_makes_them_only() {
    let more = further_allocations(|env, records| {
        let make = |n: u64| String::from(word(n).as_str());
        let words = env.from_generator(Some(records), RateLimit::Unlimited, make);
        let lengths = words.key_by(text()).into_stream().flat_map_view(words_read);
        let tallies = lengths.process(Tally::default()).collect();
        env.execute("strings").expect("the job runs");
        assert_eq!(total(tallies.take()), (records, length_of_all_words(records)));
    });
    assert!(more < (MANY - FEW) + SPARE, "{more} allocations more, one for each record is its own");
}
