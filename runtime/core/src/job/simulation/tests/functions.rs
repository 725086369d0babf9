//! Functions with state of all kinds in jobs that fail, and in jobs that go on from savepoints.

use super::{
    interrupted::{FailsSometimes, check_moved, check_restarted, checkpointed, rescaled},
    *,
};
use crate::{
    chain::{KeyedContext, KeyedOpenContext, KeyedProcessFunction},
    state::{
        FunctionInitializationContext, FunctionSnapshotContext, ListState, MapState, ReducingState,
        ValueState,
    },
    time::Timestamp,
};

/// Passes records on in tens.
#[derive(Clone, Default)]
struct Tens {
    waiting: Vec<i64>,
}

impl ProcessFunction<i64> for Tens {
    type Out = i64;

    fn initialize_state(
        &mut self,
        context: &mut FunctionInitializationContext<'_>,
    ) -> Result<(), BoxError> {
        self.waiting = context.elements("waiting")?;
        Ok(())
    }

    fn snapshot_state(
        &mut self,
        context: &mut FunctionSnapshotContext<'_>,
    ) -> Result<(), BoxError> {
        Ok(context.list("waiting", &self.waiting)?)
    }

    fn process(
        &mut self,
        item: i64,
        _: &mut Context<'_>,
        out: &mut Collector<i64>,
    ) -> Result<(), BoxError> {
        self.waiting.push(item);
        if self.waiting.len() >= 10 {
            out.extend(self.waiting.drain(..));
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Context<'_>, out: &mut Collector<i64>) -> Result<(), BoxError> {
        out.extend(self.waiting.drain(..));
        Ok(())
    }
}

/// Key, count, numbers, their sum.
type Found = (i64, u64, Vec<i64>, i64);

/// Counts the numbers of a key in four ways, says with each what came of it, and at the end of time
/// that it has come.
#[derive(Clone)]
struct FourWays {
    count: ValueState<u64>,
    numbers: ListState<i64>,
    rests: MapState<i64, u64, String>,
    sum: ReducingState<i64>,
}

/// The spaces that rests are counted in.
const SPACES: [&str; 2] = ["odd", "even"];

impl FourWays {
    fn new() -> Self {
        Self {
            count: ValueState::new("count"),
            numbers: ListState::new("numbers"),
            rests: MapState::new("rests").in_namespace(),
            sum: ReducingState::new("sum", |sum, next| *sum += next),
        }
    }
}

impl KeyedProcessFunction<i64, i64> for FourWays {
    type Out = Found;

    fn open(&mut self, context: &mut KeyedOpenContext<'_, i64>) -> Result<(), BoxError> {
        context.register(&mut self.count)?;
        context.register(&mut self.numbers)?;
        context.register(&mut self.rests)?;
        Ok(context.register(&mut self.sum)?)
    }

    fn process_element(
        &mut self,
        item: i64,
        context: &mut KeyedContext<'_, '_, i64>,
        out: &mut Collector<Found>,
    ) -> Result<(), BoxError> {
        let mut count = context.state(&self.count)?;
        let known = count.value()?;
        count.update(&(known.unwrap_or(0) + 1))?;
        if known.is_none() {
            context.register_event_time_timer(Timestamp::from_millis(i64::MAX - 7));
        }
        context.state(&self.numbers)?.add(&item)?;
        let space = SPACES[(item % 2) as usize].to_owned();
        let mut rests = context.state_in(&self.rests, &space)?;
        let rest = rests.get(&(item % 5))?.unwrap_or(0);
        rests.put(&(item % 5), &(rest + 1))?;
        context.state(&self.sum)?.add(item)?;
        out.collect(self.found(context)?);
        Ok(())
    }

    /// Says only that it fired: what functions make at their end comes behind all watermarks.
    fn on_timer(
        &mut self,
        _: Timestamp,
        context: &mut KeyedContext<'_, '_, i64>,
        out: &mut Collector<Found>,
    ) -> Result<(), BoxError> {
        out.collect((-1 - *context.current_key(), 0, Vec::new(), 0));
        Ok(())
    }
}

impl FourWays {
    fn found(&self, context: &mut KeyedContext<'_, '_, i64>) -> Result<Found, BoxError> {
        let count = context.state(&self.count)?.value()?.unwrap_or(0);
        let mut numbers = context.state(&self.numbers)?.get()?;
        numbers.sort_unstable();
        let mut rests = 0;
        for space in SPACES {
            let mut counted = context.state_in(&self.rests, &space.to_owned())?;
            rests += counted.values()?.iter().sum::<u64>();
        }
        assert_eq!((numbers.len() as u64, rests), (count, count), "all count the same");
        let sum = context.state(&self.sum)?.get()?.unwrap_or(0);
        Ok((*context.current_key(), count, numbers, sum))
    }
}

type FourCounts = Collected<Found>;

fn counting_in_four_ways(env: &StreamExecutionEnvironment, fails: FailsSometimes) -> FourCounts {
    let numbers = env.from_sequence(0..=1999).rebalance().process(Tens::default()).uid("tens");
    let numbers = numbers.rebalance().process(fails);
    let keyed = numbers.key_by(|n: &i64| n % 50);
    keyed.process(FourWays::new()).uid("four ways").collect()
}

fn expected() -> BTreeMap<i64, (u64, Vec<i64>, i64)> {
    let numbers = |key: i64| (0..40).map(move |n| key + 50 * n);
    let counted = (0..50).map(|key| (key, (40, numbers(key).collect(), numbers(key).sum())));
    counted.chain((-50..0).map(|fired| (fired, (0, Vec::new(), 0)))).collect()
}

/// What was said last of each key.
fn last(found: Vec<Found>) -> BTreeMap<i64, (u64, Vec<i64>, i64)> {
    found.into_iter().map(|(key, count, numbers, sum)| (key, (count, numbers, sum))).collect()
}

#[test]
fn simulated_functions_that_fail_keep_their_state() {
    check_restarted(counting_in_four_ways, |found| assert_eq!(last(found), expected()));
}

#[test]
fn simulated_functions_take_their_state_to_another_parallelism() {
    let check = |found, _: &SimulatedCluster, _: &str| assert_eq!(last(found), expected());
    check_moved(rescaled, counting_in_four_ways, check);
}

/// Passes nothing on but, at the end, how many records it has seen.
#[derive(Clone, Default)]
struct TellsAtTheEnd {
    seen: i64,
}

impl ProcessFunction<i64> for TellsAtTheEnd {
    type Out = i64;

    fn initialize_state(
        &mut self,
        context: &mut FunctionInitializationContext<'_>,
    ) -> Result<(), BoxError> {
        self.seen = context.elements::<i64>("seen")?.into_iter().sum();
        Ok(())
    }

    fn snapshot_state(
        &mut self,
        context: &mut FunctionSnapshotContext<'_>,
    ) -> Result<(), BoxError> {
        Ok(context.list("seen", &[self.seen])?)
    }

    fn process(
        &mut self,
        _: i64,
        _: &mut Context<'_>,
        _: &mut Collector<i64>,
    ) -> Result<(), BoxError> {
        self.seen += 1;
        Ok(())
    }

    fn finish(&mut self, _: &mut Context<'_>, out: &mut Collector<i64>) -> Result<(), BoxError> {
        out.collect(self.seen);
        Ok(())
    }
}

/// Checkpoints after tasks have finished: what such a task made at its end is not made again.
#[test]
fn simulated_functions_that_had_finished_do_not_finish_again() {
    for_each_seed(|seed| {
        let (mut cluster, env) = checkpointed(seed);
        let at = vec![1500 + cluster.world().below(3000)];
        let short = env.from_sequence(0..=99).set_parallelism(1);
        let told = short.process(TellsAtTheEnd::default()).set_parallelism(1);
        let long = env.from_sequence(1000..=5999).map(|n| n);
        let found = told.union(long).process(FailsSometimes::at(at)).collect();
        env.execute_on(&mut cluster, "finishes twice").expect("it was restarted");
        let told: Vec<i64> = found.take().into_iter().filter(|n| *n < 1000).collect();
        assert!(!told.is_empty() && told.iter().all(|n| *n == 100), "{told:?}");
    });
}
