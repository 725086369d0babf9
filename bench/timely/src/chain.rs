//! `chain`: a source of longs, map, filter, map, discard, without an exchange.

use crate::generator::{chain_first, chain_keep, chain_second, share};
use crate::report::{Outcome, measure};
use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;
use timely::Config;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::Operator;
use timely::dataflow::operators::generic::operator::source;
use timely::dataflow::operators::vec::{Filter, Map};
use timely::dataflow::{Scope, Stream};
use timely::worker::Worker;

/// Longs a source sends before it lets the other operators run: a few batches, which stay in the
/// nearest cache.
const LONGS_PER_ACTIVATION: u64 = 4_096;

/// Longs of one container that a source hands over: timely's own size (8 KiB).
const LONGS_PER_CONTAINER: u64 = 1_024;

/// Each step is an operator of its own.
pub(crate) fn operators(config: Config, total: u64) -> String {
    measure(config, move |worker| {
        run(worker, total, |longs, check| {
            longs
                .map_in_place(|value| *value = chain_first(*value))
                .filter(|value| chain_keep(*value))
                .map_in_place(|value| *value = chain_second(*value))
                .sink(Pipeline, "Discard", move |(input, _frontier)| {
                    input.for_each(|_time, data| add_all(&check, data.drain(..)));
                });
        })
    })
}

/// One operator does all that follows the source, as a user fuses it by hand.
// Building containers by `extend` doubled this figure over `give_iterator`.
pub(crate) fn fused(config: Config, total: u64) -> String {
    measure(config, move |worker| {
        run(worker, total, |longs, check| {
            longs.sink(Pipeline, "MapFilterMapDiscard", move |(input, _frontier)| {
                input.for_each(|_time, data| {
                    let kept = data.drain(..).map(chain_first).filter(|value| chain_keep(*value));
                    add_all(&check, kept.map(chain_second));
                });
            });
        })
    })
}

fn add_all(check: &Cell<u64>, values: impl Iterator<Item = u64>) {
    check.set(values.fold(check.get(), u64::wrapping_add));
}

fn run(
    worker: &mut Worker,
    total: u64,
    attach: impl for<'scope> FnOnce(Stream<'scope, u64, Vec<u64>>, Rc<Cell<u64>>),
) -> Outcome {
    let peers = worker.peers() as u64;
    let before: u64 = (0..worker.index() as u64).map(|subtask| share(total, subtask, peers)).sum();
    let records = share(total, worker.index() as u64, peers);
    let check = Rc::new(Cell::new(0));
    let result = Rc::clone(&check);
    worker.dataflow::<u64, _, _>(|scope| {
        attach(longs_of(scope, before..before + records), check);
    });
    while worker.step_or_park(None) {}
    Outcome { records, check: result.get() }
}

fn longs_of<'scope>(scope: Scope<'scope, u64>, range: Range<u64>) -> Stream<'scope, u64, Vec<u64>> {
    source::<_, CapacityContainerBuilder<Vec<u64>>, _, _>(
        scope,
        "Longs",
        move |capability, info| {
            let activator = scope.activator_for(info.address);
            let mut capability = Some(capability);
            let mut container = Vec::new();
            let mut next = range.start;
            move |output| {
                let Some(time) = capability.as_ref() else { return };
                let stop = range.end.min(next + LONGS_PER_ACTIVATION);
                let mut session = output.session(time);
                while next < stop {
                    let until = stop.min(next + LONGS_PER_CONTAINER);
                    container.clear();
                    container.extend(next..until);
                    session.give_container(&mut container);
                    next = until;
                }
                drop(session);
                if next == range.end {
                    capability = None;
                } else {
                    activator.activate();
                }
            }
        },
    )
}
