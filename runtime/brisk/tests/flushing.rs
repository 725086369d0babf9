//! What a sink gathers is seen as soon as its task has nothing more to do.

#[path = "support/mod.rs"]
mod support;

use brisk::{
    chain::{Sink, SinkContext, SinkWriter},
    prelude::*,
    task::{
        Cx,
        flow::{Drive, Flow},
    },
};
use std::{
    sync::{Arc, Mutex},
    thread,
};
use support::{assert_all_returned, cluster, environment};

/// Shows what it was given when it is flushed or finished.
#[derive(Clone, Default)]
struct Gather {
    shown: Arc<Mutex<Vec<u64>>>,
}

struct Gatherer {
    gathered: Vec<u64>,
    sink: Gather,
}

impl Sink<u64> for Gather {
    type Writer = Gatherer;

    fn open(
        &self,
        _restored: Option<Vec<Vec<u8>>>,
        _: &SinkContext,
        _: &mut Cx,
    ) -> Result<Gatherer, Error> {
        Ok(Gatherer { gathered: Vec::new(), sink: self.clone() })
    }
}

impl SinkWriter<u64> for Gatherer {
    fn write(&mut self, number: u64, _: &mut Cx) -> Flow {
        self.gathered.push(number);
        Flow::Continue
    }

    fn flush(&mut self, _: &mut Cx) -> Flow {
        self.sink.shown.lock().expect("no test panics here").append(&mut self.gathered);
        Flow::Continue
    }

    fn finish(&mut self, cx: &mut Cx) -> Drive {
        self.flush(cx).interrupts().unwrap_or(Drive::Ended)
    }
}

/// Pushes numbers one after another into a job that is cut or not, each when the last one was seen.
fn check(chained: bool) {
    let (cluster, sink) = (cluster(&[], 1), Gather::default());
    let env = environment(&cluster, 1);
    let (numbers, source) = channel_source::<u64>(4);
    let stream = env.from_source(source, "Numbers");
    match chained {
        true => drop(stream.sink_to(sink.clone())),
        false => drop(stream.rebalance().sink_to(sink.clone())),
    }
    let job = env.execute_async("gather").expect("no test panics here");
    for number in 0..100 {
        numbers.send(number).expect("no test panics here");
        while sink.shown.lock().expect("no test panics here").last() != Some(&number) {
            thread::yield_now();
        }
    }
    drop(numbers);
    job.wait().expect("no test panics here");
    assert_all_returned(&cluster);
    assert_eq!(*sink.shown.lock().expect("no test panics here"), (0..100).collect::<Vec<u64>>());
}

#[test]
fn behind_a_source() {
    check(true);
}

#[test]
fn behind_an_exchange() {
    check(false);
}
