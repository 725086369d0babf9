//! `exchange` and `keyed-count`: two sources of 100-byte records, exchanged by the hash of the key.

use crate::generator::{Keys, PAYLOAD, PAYLOAD_BYTES, fmix64, share};
use crate::report::{Outcome, measure};
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;
use timely::Config;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::Operator;
use timely::dataflow::operators::generic::operator::source;
use timely::dataflow::{Scope, Stream};
use timely::worker::Worker;

/// Records a source sends before it lets the other operators run. Fewer cost more calls, more
/// cost cache misses: 5,000 to 20,000 were fastest.
const RECORDS_PER_ACTIVATION: u64 = 20_000;

/// Records of one container that a source hands over (32 KiB). Building the containers itself and
/// not record by record through the session took a third off the whole run.
const RECORDS_PER_CONTAINER: u64 = 312;

#[derive(Clone, Serialize, Deserialize)]
struct Record {
    key: u64,
    payload: Payload,
}

#[derive(Clone)]
struct Payload([u8; PAYLOAD_BYTES]);

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Payload;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{PAYLOAD_BYTES} bytes")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Payload, E> {
                bytes.try_into().map(Payload).map_err(|_| E::invalid_length(bytes.len(), &self))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Payload, A::Error> {
                Err(A::Error::custom("a payload is bytes, not a sequence"))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

/// Keys hash by the harness's function, once, without a second mix.
#[derive(Default)]
pub(crate) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are u64");
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = fmix64(key);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The workload `exchange`: the check is the sum of the keys that arrived.
pub(crate) fn exchange(config: Config, total: u64) -> String {
    measure(config, move |worker| run(worker, total, || |record: &Record| record.key))
}

/// The workload `keyed-count`: the check is the sum of all counts that were emitted.
pub(crate) fn keyed_count(config: Config, total: u64) -> String {
    measure(config, move |worker| {
        run(worker, total, || {
            let mut counts: HashMap<u64, u64, BuildHasherDefault<KeyHasher>> = HashMap::default();
            move |record: &Record| {
                let count = counts.entry(record.key).or_insert(0);
                *count += 1;
                *count
            }
        })
    })
}

/// Runs sources, the exchange and `consume`, whose results add up to the check value.
fn run<C: FnMut(&Record) -> u64 + 'static>(
    worker: &mut Worker,
    total: u64,
    consumer: impl FnOnce() -> C,
) -> Outcome {
    let subtask = worker.index() as u64;
    let records = share(total, subtask, worker.peers() as u64);
    let check = Rc::new(Cell::new(0u64));
    let result = Rc::clone(&check);
    worker.dataflow::<u64, _, _>(|scope| {
        // The low bit chooses the worker, so hash tables would use every second bucket only:
        // exchange by the upper half.
        let by_key = Exchange::new(|record: &Record| fmix64(record.key) >> 32);
        let mut consume = consumer();
        records_of(scope, subtask, records).sink(by_key, "Discard", move |(input, _frontier)| {
            input.for_each(|_time, data| {
                let sum = data.iter().fold(0u64, |sum, record| sum.wrapping_add(consume(record)));
                check.set(check.get().wrapping_add(sum));
            });
        });
    });
    while worker.step_or_park(None) {}
    Outcome { records, check: result.get() }
}

fn records_of<'scope>(
    scope: Scope<'scope, u64>,
    subtask: u64,
    records: u64,
) -> Stream<'scope, u64, Vec<Record>> {
    source::<_, CapacityContainerBuilder<Vec<Record>>, _, _>(
        scope,
        "Records",
        move |capability, info| {
            let activator = scope.activator_for(info.address);
            let mut capability = Some(capability);
            let mut keys = Keys::new(subtask);
            let mut container = Vec::new();
            let mut left = records;
            move |output| {
                let Some(time) = capability.as_ref() else { return };
                let mut batch = left.min(RECORDS_PER_ACTIVATION);
                left -= batch;
                let mut session = output.session(time);
                while batch > 0 {
                    let count = batch.min(RECORDS_PER_CONTAINER);
                    batch -= count;
                    container.clear();
                    container.extend(
                        (0..count)
                            .map(|_| Record { key: keys.next_key(), payload: Payload(PAYLOAD) }),
                    );
                    session.give_container(&mut container);
                }
                drop(session);
                if left == 0 {
                    capability = None;
                } else {
                    activator.activate();
                }
            }
        },
    )
}
