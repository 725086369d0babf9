//! Functions with state and timers in whole jobs on simulated clusters.

use std::collections::BTreeMap;

use crate::{
    BoxError,
    api::StreamExecutionEnvironment,
    chain::{
        Collector, KeyedBroadcastProcessFunction, KeyedCoProcessFunction, KeyedContext,
        KeyedOpenContext, KeyedProcessFunction,
    },
    job::SimulatedCluster,
    state::{BroadcastState, ListState, MapState, ValueState},
    task::Context,
    time::Timestamp,
};
use brisk_memory::config::Configuration;

fn environment() -> StreamExecutionEnvironment {
    let env = StreamExecutionEnvironment::with_configuration(Configuration::new());
    let env = env.expect("the default configuration is right");
    env.set_parallelism(3);
    env
}

/// Counts each key's numbers by their rest modulo three, and says so with each.
#[derive(Clone)]
struct Rests {
    seen: ValueState<u64>,
    rests: MapState<u64, u64>,
}

impl KeyedProcessFunction<u64, u64> for Rests {
    type Out = (u64, u64, u64);

    fn open(&mut self, context: &mut KeyedOpenContext<'_, u64>) -> Result<(), BoxError> {
        context.register(&mut self.seen)?;
        Ok(context.register(&mut self.rests)?)
    }

    fn process_element(
        &mut self,
        record: u64,
        context: &mut KeyedContext<'_, '_, u64>,
        out: &mut Collector<(u64, u64, u64)>,
    ) -> Result<(), BoxError> {
        let mut seen = context.state(&self.seen)?;
        let count = seen.value()?.unwrap_or(0) + 1;
        seen.update(&count)?;
        let mut rests = context.state(&self.rests)?;
        let rest = rests.get(&(record % 3))?.unwrap_or(0) + 1;
        rests.put(&(record % 3), &rest)?;
        out.collect((*context.current_key(), count, rest));
        Ok(())
    }
}

#[test]
fn functions_keep_state_for_each_key() {
    for seed in 0..8 {
        let mut cluster = SimulatedCluster::from_seed(seed).expect("memory for a test");
        let env = environment();
        let numbers = env.from_collection((0..600u64).collect::<Vec<_>>());
        let function = Rests { seen: ValueState::new("seen"), rests: MapState::new("rests") };
        let found = numbers.key_by(|n: &u64| n % 20).process(function).collect();
        env.execute_on(&mut cluster, "rests").unwrap();
        let mut last = BTreeMap::<u64, Vec<(u64, u64)>>::new();
        for (key, count, rest) in found.take() {
            last.entry(key).or_default().push((count, rest));
        }
        assert_eq!(last.len(), 20);
        for counts in last.values_mut() {
            counts.sort_unstable();
            assert!(counts.iter().map(|(count, _)| *count).eq(1..=30));
            assert_eq!(counts.iter().map(|(_, rest)| rest).sum::<u64>(), 3 * 55);
        }
    }
}

/// A state that is not registered.
#[derive(Clone)]
struct Forgetful(ValueState<u64>);

impl KeyedProcessFunction<u64, u64> for Forgetful {
    type Out = u64;

    fn process_element(
        &mut self,
        _record: u64,
        context: &mut KeyedContext<'_, '_, u64>,
        _out: &mut Collector<u64>,
    ) -> Result<(), BoxError> {
        context.state(&self.0)?;
        Ok(())
    }
}

#[test]
fn a_state_that_was_not_registered_fails_the_job_with_its_name() {
    let mut cluster = SimulatedCluster::from_seed(1).expect("memory for a test");
    let env = environment();
    let numbers = env.from_collection(vec![1u64, 2]);
    let function = Forgetful(ValueState::new("forgotten"));
    let _ = numbers.key_by(|n: &u64| *n).process(function).name("Forgetful").collect();
    let failed = env.execute_on(&mut cluster, "forgetful").err().unwrap().to_string();
    for part in ["'forgotten'", "'Forgetful'", "register"] {
        assert!(failed.contains(part), "{failed}");
    }
}

/// Joins names with numbers of one key, whichever comes first.
#[derive(Clone)]
struct Join {
    names: ValueState<String>,
    waiting: ListState<u64>,
}

impl KeyedCoProcessFunction<u32, (u32, String), (u32, u64)> for Join {
    type Out = (String, u64);

    fn open(&mut self, context: &mut KeyedOpenContext<'_, u32>) -> Result<(), BoxError> {
        context.register(&mut self.names)?;
        Ok(context.register(&mut self.waiting)?)
    }

    fn process_first(
        &mut self,
        (_, name): (u32, String),
        context: &mut KeyedContext<'_, '_, u32>,
        out: &mut Collector<(String, u64)>,
    ) -> Result<(), BoxError> {
        context.state(&self.names)?.update(&name)?;
        let mut waiting = context.state(&self.waiting)?;
        out.extend(waiting.get()?.into_iter().map(|number| (name.clone(), number)));
        Ok(waiting.clear()?)
    }

    fn process_second(
        &mut self,
        (_, number): (u32, u64),
        context: &mut KeyedContext<'_, '_, u32>,
        out: &mut Collector<(String, u64)>,
    ) -> Result<(), BoxError> {
        match context.state(&self.names)?.value()? {
            Some(name) => out.collect((name, number)),
            None => context.state(&self.waiting)?.add(&number)?,
        }
        Ok(())
    }
}

#[test]
fn two_keyed_streams_share_the_state_of_a_key() {
    for seed in 0..8 {
        let mut cluster = SimulatedCluster::from_seed(seed).expect("memory for a test");
        let env = environment();
        let names: Vec<_> = (0..30u32).map(|key| (key, format!("name {key}"))).collect();
        let numbers: Vec<_> = (0..300u64).map(|n| ((n % 30) as u32, n)).collect();
        let names = env.from_collection(names).key_by(|(key, _): &(u32, String)| *key);
        let numbers = env.from_collection(numbers).key_by(|(key, _): &(u32, u64)| *key);
        let join = Join { names: ValueState::new("names"), waiting: ListState::new("waiting") };
        let found = names.connect(numbers).process(join).collect();
        env.execute_on(&mut cluster, "join").unwrap();
        let mut found = found.take();
        found.sort();
        let mut expected: Vec<_> = (0..300u64).map(|n| (format!("name {}", n % 30), n)).collect();
        expected.sort();
        assert_eq!(found, expected);
    }
}

/// Says at the end of time, for each key, its sum and how many rules there are.
#[derive(Clone)]
struct Ruled(ValueState<u64>);

impl KeyedBroadcastProcessFunction<u64, u64, String> for Ruled {
    type Out = (u64, u64, usize);
    type Key = String;
    type Value = u64;

    fn open(&mut self, context: &mut KeyedOpenContext<'_, u64>) -> Result<(), BoxError> {
        Ok(context.register(&mut self.0)?)
    }

    fn process_element(
        &mut self,
        item: u64,
        _state: &BroadcastState<String, u64>,
        context: &mut KeyedContext<'_, '_, u64>,
        _out: &mut Collector<(u64, u64, usize)>,
    ) -> Result<(), BoxError> {
        context.register_event_time_timer(Timestamp::from_millis(i64::MAX - 1));
        let mut sum = context.state(&self.0)?;
        let so_far = sum.value()?.unwrap_or(0);
        Ok(sum.update(&(so_far + item))?)
    }

    fn process_broadcast_element(
        &mut self,
        item: String,
        state: &mut BroadcastState<String, u64>,
        _context: &mut Context<'_>,
        _out: &mut Collector<(u64, u64, usize)>,
    ) -> Result<(), BoxError> {
        *state.entry(item).or_default() += 1;
        Ok(())
    }

    fn on_timer(
        &mut self,
        _time: Timestamp,
        state: &BroadcastState<String, u64>,
        context: &mut KeyedContext<'_, '_, u64>,
        out: &mut Collector<(u64, u64, usize)>,
    ) -> Result<(), BoxError> {
        let sum = context.state(&self.0)?.value()?.unwrap_or(0);
        out.collect((*context.current_key(), sum, state.len()));
        Ok(())
    }
}

#[test]
fn a_keyed_stream_is_told_by_a_broadcast_one() {
    for seed in 0..8 {
        let mut cluster = SimulatedCluster::from_seed(seed).expect("memory for a test");
        let env = environment();
        let rules: Vec<_> = (0..40).map(|n| format!("rule {}", n % 12)).collect();
        let rules = env.from_collection(rules);
        let numbers = env.from_collection((0..300u64).collect::<Vec<_>>());
        let keyed = numbers.key_by(|n: &u64| n % 10);
        let found = keyed.process_with_broadcast(rules, Ruled(ValueState::new("sum"))).collect();
        env.execute_on(&mut cluster, "ruled").unwrap();
        let mut found = found.take();
        found.sort_unstable();
        let sum = |key: u64| (0..30).map(|n| key + 10 * n).sum::<u64>();
        let expected: Vec<_> = (0..10).map(|key| (key, sum(key), 12)).collect();
        assert_eq!(found, expected);
    }
}
