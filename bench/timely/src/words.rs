//! `wordcount`: a text file split into words, exchanged by word, counted.

use crate::WORKERS;
use crate::generator::fmix64;
use crate::report::{Outcome, measure};
use crate::text::{TextRange, fnv1a, for_each_word};
use rustc_hash::FxBuildHasher;
use std::cell::Cell;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use timely::Config;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::generic::Operator;
use timely::dataflow::operators::generic::operator::source;
use timely::dataflow::{Scope, Stream};
use timely::worker::Worker;

type Counts = HashMap<String, u64, FxBuildHasher>;

/// Counts by word, shown once at the end: the check is the sum over the distinct words of a hash
/// of word and count.
pub(crate) fn final_counts(config: Config, path: &Path) -> String {
    let path = path.to_owned();
    measure(config, move |worker| {
        run(worker, &path, |words, check| {
            let mut counts = Counts::default();
            words.sink(by_word(), "Count", move |(input, frontier)| {
                input.for_each(|_time, data| {
                    for word in data.drain(..) {
                        match counts.get_mut(&word) {
                            Some(count) => *count += 1,
                            None => {
                                counts.insert(word, 1);
                            }
                        }
                    }
                });
                if frontier.is_empty() {
                    for (word, count) in counts.drain() {
                        let hash = fmix64(fnv1a(word.as_bytes()).wrapping_add(count));
                        check.set(check.get().wrapping_add(hash));
                    }
                }
            });
        })
    })
}

/// Each update is emitted to a further operator: the check is the sum of the emitted counts.
pub(crate) fn updates(config: Config, path: &Path) -> String {
    let path = path.to_owned();
    measure(config, move |worker| {
        run(worker, &path, |words, check| {
            let mut counts = Counts::default();
            words
                .unary::<CapacityContainerBuilder<Vec<(String, u64)>>, _, _, _>(
                    by_word(),
                    "Count",
                    |_capability, _info| {
                        move |input, output| {
                            input.for_each(|time, data| {
                                let mut session = output.session(&time);
                                for word in data.drain(..) {
                                    let count = match counts.get_mut(&word) {
                                        Some(count) => {
                                            *count += 1;
                                            *count
                                        }
                                        None => {
                                            counts.insert(word.clone(), 1);
                                            1
                                        }
                                    };
                                    session.give((word, count));
                                }
                            });
                        }
                    },
                )
                .sink(Pipeline, "Discard", move |(input, _frontier)| {
                    input.for_each(|_time, data| {
                        for (_word, count) in data.drain(..) {
                            check.set(check.get().wrapping_add(count));
                        }
                    });
                });
        })
    })
}

fn by_word() -> Exchange<String, impl FnMut(&String) -> u64> {
    // The upper half, as for numbers: the table uses the low bits.
    Exchange::new(|word: &String| FxBuildHasher.hash_one(word) >> 32)
}

fn run(
    worker: &mut Worker,
    path: &Path,
    attach: impl for<'scope> FnOnce(Stream<'scope, u64, Vec<String>>, Rc<Cell<u64>>),
) -> Outcome {
    let (check, sent) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let (check_result, sent_result) = (Rc::clone(&check), Rc::clone(&sent));
    let index = worker.index() as u64;
    let path = path.to_owned();
    worker.dataflow::<u64, _, _>(|scope| {
        attach(words_of(scope, path, index, sent), check);
    });
    while worker.step_or_park(None) {}
    Outcome { records: sent_result.get(), check: check_result.get() }
}

fn words_of<'scope>(
    scope: Scope<'scope, u64>,
    path: PathBuf,
    index: u64,
    sent: Rc<Cell<u64>>,
) -> Stream<'scope, u64, Vec<String>> {
    source::<_, CapacityContainerBuilder<Vec<String>>, _, _>(
        scope,
        "Words",
        move |capability, info| {
            let activator = scope.activator_for(info.address);
            let mut capability = Some(capability);
            let mut range =
                TextRange::open(&path, index, WORKERS as u64).expect("the text is there");
            move |output| {
                let Some(time) = capability.as_ref() else { return };
                let Some(chunk) = range.next_chunk().expect("the text can be read") else {
                    capability = None;
                    return;
                };
                chunk.make_ascii_lowercase();
                let mut session = output.session(time);
                let mut words = 0;
                for_each_word(chunk, |word| {
                    let word = std::str::from_utf8(word).expect("words are ASCII");
                    session.give(word.to_owned());
                    words += 1;
                });
                drop(session);
                sent.set(sent.get() + words);
                activator.activate();
            }
        },
    )
}
