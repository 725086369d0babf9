use super::*;
use crate::{
    BoxError, Error, TaskError,
    chain::{Collector, ProcessFunction, Sink, SinkContext, SinkWriter},
    graph::{JobId, JobStatus, OperatorId},
    job::MiniCluster,
    record::selector,
    sink::channel_sink,
    source::{RateLimit, channel_source},
    task::accumulator::LongCounter,
    task::flow::Flow,
    task::{Attempt, Context, Cx, OutputTag, RuntimeContext},
};
use brisk_memory::config::{Configuration, options::execution::RuntimeMode};
use std::{
    collections::{BTreeMap, HashMap},
    num::NonZeroU32,
    sync::{Arc, Mutex, OnceLock},
};

/// One cluster for all tests of this file; small memory, four slots.
fn cluster() -> Arc<MiniCluster> {
    static CLUSTER: OnceLock<Arc<MiniCluster>> = OnceLock::new();
    let start = || {
        let config = Configuration::new();
        MiniCluster::start(&config, NonZeroU32::new(4).expect("4 > 0")).expect("memory for tests")
    };
    Arc::clone(CLUSTER.get_or_init(start))
}

fn environment(parallelism: u32) -> StreamExecutionEnvironment {
    let env = StreamExecutionEnvironment::with_configuration(Configuration::new());
    let env = env.expect("the default configuration is right").on_cluster(cluster());
    env.set_parallelism(parallelism);
    env
}

/// Runs `job` at several parallelisms, chained and not; its sorted results must be
/// `expected` each time.
fn check<T: crate::Record + Ord + std::fmt::Debug + Clone>(
    job: impl Fn(&StreamExecutionEnvironment) -> Collected<T>,
    mut expected: Vec<T>,
) {
    expected.sort();
    for parallelism in [1, 2, 3, 7] {
        for chaining in [true, false] {
            let env = environment(parallelism);
            if !chaining {
                env.disable_operator_chaining();
            }
            let collected = job(&env);
            env.execute("a test").expect("the job runs");
            let mut found = collected.take();
            found.sort();
            assert_eq!(found, expected, "parallelism {parallelism}, chaining {chaining}");
        }
    }
}

#[test]
fn chains_of_operators_make_what_they_say() {
    check(
        |env| env.from_sequence(1..=1000).map(|n| n * 3).filter(|n| n % 2 == 0).collect(),
        (1..=1000).map(|n| n * 3).filter(|n| n % 2 == 0).collect(),
    );
    check(
        |env| {
            let words = env.from_collection(["a b".to_string(), String::new(), "c".to_string()]);
            let split = |line: String, out: &mut Collector<String>| {
                out.extend(line.split_whitespace().map(str::to_string));
            };
            words.flat_map(split).collect()
        },
        vec!["a".to_string(), "b".to_string(), "c".to_string()],
    );
    check(|env| env.from_collection(Vec::<i64>::new()).collect(), Vec::new());
}

#[test]
fn every_exchange_delivers_each_record_as_often_as_it_says() {
    let all: Vec<i64> = (0..5000).collect();
    check(|env| env.from_sequence(0..=4999).rebalance().map(|n| n).collect(), all.clone());
    check(|env| env.from_sequence(0..=4999).rescale().map(|n| n).collect(), all.clone());
    check(|env| env.from_sequence(0..=4999).shuffle().map(|n| n).collect(), all.clone());
    check(|env| env.from_sequence(0..=4999).global().map(|n| n).collect(), all.clone());
    check(|env| env.from_sequence(0..=4999).forward().map(|n| n).collect(), all.clone());
    let odd = |n: &i64, consumers: u32| (*n as u32 % 2) % consumers;
    check(
        move |env| env.from_sequence(0..=4999).partition_custom(odd).map(|n| n).collect(),
        all.clone(),
    );
    check(
        |env| env.from_sequence(0..=4999).key_by(|n: &i64| n % 10).into_stream().collect(),
        all.clone(),
    );
    check(
        |env| {
            let view =
                |n: &rkyv::Archived<i64>, out: &mut Collector<i64>| out.collect(n.to_native());
            env.from_sequence(0..=4999).rebalance().flat_map_view(view).collect()
        },
        all,
    );
    for parallelism in [1, 2, 5] {
        let env = environment(parallelism);
        let collected = env.from_sequence(0..=99).broadcast().map(|n| n).collect();
        env.execute("broadcast").expect("the job runs");
        let mut counts = HashMap::new();
        for n in collected.take() {
            *counts.entry(n).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 100);
        assert!(counts.values().all(|count| *count == parallelism));
    }
}

#[test]
fn aggregations_in_both_modes() {
    let expected: BTreeMap<String, u64> = (0..10).map(|n| (format!("key{n}"), 100)).collect();
    for mode in [RuntimeMode::Streaming, RuntimeMode::Batch, RuntimeMode::Automatic] {
        for parallelism in [1, 2, 3, 7] {
            let mut env = environment(parallelism);
            env.set_runtime_mode(mode);
            let words = env.from_sequence(0..=999).map(|n| format!("key{}", n % 10));
            let counted = words.key_by(selector::text()).count().collect();
            let result = env.execute("count").expect("the job runs");
            assert!(result.busy_ratio() > 0.0);
            let counted = counted.take();
            let updates = if mode == RuntimeMode::Streaming { 1000 } else { 10 };
            assert_eq!(counted.len(), updates, "{mode:?}");
            let mut last = BTreeMap::new();
            for (word, count) in counted {
                let best = last.entry(word).or_insert(0);
                *best = count.max(*best);
            }
            assert_eq!(last, expected, "{mode:?} at {parallelism}");
        }
    }
}

#[test]
fn reduce_sum_min_and_max() {
    let run = |which: &str| -> Vec<(i64, i64)> {
        let mut env = environment(2);
        env.set_runtime_mode(RuntimeMode::Batch);
        let keyed =
            env.from_sequence(1..=100).map(|n| (n % 2, n)).key_by(|pair: &(i64, i64)| pair.0);
        let collected = match which {
            "reduce" => keyed.reduce(|a: &mut (i64, i64), b| a.1 = a.1 * 2 - a.1 + b.1).collect(),
            "sum" => keyed.sum(|pair: &mut (i64, i64)| &mut pair.1).collect(),
            "min" => keyed.min(|pair: &mut (i64, i64)| &mut pair.1).collect(),
            _ => keyed.max(|pair: &mut (i64, i64)| &mut pair.1).collect(),
        };
        env.execute(which).expect("the job runs");
        let mut found = collected.take();
        found.sort();
        found
    };
    assert_eq!(run("reduce"), [(0, 2550), (1, 2500)]);
    assert_eq!(run("sum"), [(0, 2550), (1, 2500)]);
    assert_eq!(run("min"), [(0, 2), (1, 1)]);
    assert_eq!(run("max"), [(0, 100), (1, 99)]);
}

#[test]
fn unions_forks_and_connected_streams() {
    check(
        |env| {
            let numbers = env.from_sequence(0..=99).shared();
            let other = env.from_sequence(100..=199);
            numbers.clone().map(|n| n).union(numbers).union(other).collect()
        },
        (0..100).chain(0..200).collect(),
    );
    check(
        |env| {
            let texts = env.from_collection(["x".to_string(), "yy".to_string()]);
            let both = env.from_sequence(1..=3).connect(texts);
            both.map(|n| n, |text: String| -(text.len() as i64)).collect()
        },
        vec![-2, -1, 1, 2, 3],
    );
}

#[test]
fn a_shared_stream_is_written_once_for_readers_that_all_get_it() {
    let records_out = |readers: fn(DataStream<i64>)| {
        let env = environment(2);
        let numbers = env.from_sequence(1..=1000).name("numbers").shared();
        readers(numbers);
        let result = env.execute("shared").expect("the job runs");
        let sources = result.tasks.iter().filter(|task| task.task.contains("numbers"));
        sources.map(|task| task.counts.records_out).sum::<u64>()
    };
    let forward = |stream: DataStream<i64>| {
        stream.clone().map(|n| n).discard();
        stream.map(|n| -n).discard();
    };
    assert_eq!(records_out(forward), 1000);
    let forward_broadcast_and_keyed = |stream: DataStream<i64>| {
        stream.clone().map(|n| n).discard();
        stream.clone().broadcast().map(|n| n).discard();
        stream.key_by(|n: &i64| n % 10).count().discard();
    };
    assert_eq!(records_out(forward_broadcast_and_keyed), 2000, "a key needs a place of its own");
}

/// What of its context may be sent.
#[derive(Debug)]
struct Told {
    operator: String,
    operator_id: OperatorId,
    job: (JobId, Arc<str>, Attempt),
    numbers: [u32; 3],
}

/// Notes what it was told, and that it was opened.
#[derive(Clone)]
struct Nosy(Arc<Mutex<Vec<Told>>>);

impl Sink<i64> for Nosy {
    type Writer = Self;

    fn open(
        &self,
        _restored: Option<Vec<Vec<u8>>>,
        context: &SinkContext,
        _cx: &mut Cx,
    ) -> Result<Self, Error> {
        context.accumulators.int_counter("opened")?.add(1);
        self.0.lock().unwrap().push(Told {
            operator: context.operator.clone(),
            operator_id: context.operator_id,
            job: (context.job_id, Arc::clone(&context.job_name), context.attempt),
            numbers: [context.subtask, context.parallelism, context.max_parallelism],
        });
        Ok(self.clone())
    }
}

impl SinkWriter<i64> for Nosy {
    fn write(&mut self, _item: i64, _cx: &mut Cx) -> Flow {
        Flow::Continue
    }
}

#[test]
fn sinks_are_told_who_they_are() {
    let told = || {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let env = environment(3);
        let numbers = env.from_sequence(0..=9).rebalance();
        numbers.sink_to(Nosy(Arc::clone(&seen))).name("nosy").uid("a sink").set_max_parallelism(60);
        let handle = env.execute_async("told").expect("it starts");
        let id = handle.job_id();
        let result = handle.wait().expect("the job runs");
        assert_eq!((result.job_id, result.accumulators.int_counter("opened").unwrap()), (id, 3));
        let mut seen = std::mem::take(&mut *seen.lock().unwrap());
        seen.sort_by_key(|told| told.numbers);
        (id, seen)
    };
    let ((first_id, first), (second_id, second)) = (told(), told());
    assert_ne!(first_id, second_id);
    for (subtask, told) in (0..).zip(&first) {
        assert_eq!(told.numbers, [subtask, 3, 60]);
        assert_eq!(told.job, (first_id, "told".into(), Attempt(0)));
        assert!(told.operator.contains("nosy"), "{}", told.operator);
        assert_eq!(told.operator_id, second[0].operator_id, "the uid decides");
    }
}

#[derive(Clone)]
struct Split {
    negative: OutputTag<String>,
    seen: LongCounter,
}

impl ProcessFunction<i64> for Split {
    type Out = i64;

    fn open(&mut self, context: &mut RuntimeContext) -> Result<(), BoxError> {
        self.seen = context.accumulators().long_counter("seen")?;
        Ok(())
    }

    fn process(
        &mut self,
        item: i64,
        context: &mut Context<'_>,
        out: &mut Collector<i64>,
    ) -> Result<(), BoxError> {
        self.seen.add(1);
        if item < 0 {
            context.output(&self.negative, item.to_string());
        } else {
            out.collect(item);
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Context<'_>, out: &mut Collector<i64>) -> Result<(), BoxError> {
        out.collect(1_000_000);
        Ok(())
    }
}

#[test]
fn side_outputs_and_accumulators() {
    for parallelism in [1, 3] {
        let env = environment(parallelism);
        let negative = OutputTag::new("negative");
        let split = Split { negative: negative.clone(), seen: LongCounter::default() };
        let main = env.from_sequence(-50..=49).process(split);
        let side = main.side_output(&negative).collect();
        let main = main.collect();
        let result = env.execute("split").expect("the job runs");
        assert_eq!(side.take().len(), 50);
        let expected: i64 = (0..50).sum::<i64>() + 1_000_000 * i64::from(parallelism);
        assert_eq!(main.take().into_iter().sum::<i64>(), expected);
        assert_eq!(result.accumulators.long_counter("seen").expect("registered"), 100);
    }
}

#[test]
fn a_side_output_of_another_type_fails_with_its_name() {
    let env = environment(1);
    let split = Split { negative: OutputTag::new("late"), seen: LongCounter::default() };
    let main = env.from_sequence(-1..=1).process(split);
    let _unused = main.side_output(&OutputTag::<u8>::new("late")).collect();
    main.discard();
    let error = env.execute("types").expect_err("a string is no u8").to_string();
    assert!(error.contains("side output 'late' carries u8") && error.contains("String"), "{error}");
}

#[derive(Clone)]
struct FailAt(i64);

impl ProcessFunction<i64> for FailAt {
    type Out = i64;

    fn process(
        &mut self,
        item: i64,
        _: &mut Context<'_>,
        out: &mut Collector<i64>,
    ) -> Result<(), BoxError> {
        if item == self.0 {
            return Err(format!("{item} is not liked").into());
        }
        out.collect(item);
        Ok(())
    }
}

#[test]
fn failures_and_panics_name_job_operator_and_subtask_and_the_cluster_goes_on() {
    for parallelism in [1, 3] {
        let env = environment(parallelism);
        env.from_sequence(0..=100_000).process(FailAt(77_777)).name("picky").rebalance().discard();
        let error = env.execute("failing").expect_err("it fails");
        let text = error.to_string();
        for part in ["job 'failing'", "operator 'picky'", "77777 is not liked"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(matches!(error, Error::Task { cause: TaskError::Function(_), .. }));
        env.from_sequence(0..=1000)
            .map(|n| if n == 500 { panic!("no {n}") } else { n })
            .name("nervous")
            .map(|n| n + 1)
            .discard();
        let text = env.execute("panicking").expect_err("it panics").to_string();
        assert!(text.contains("operator 'nervous'") && text.contains("panicked: no 500"), "{text}");
        let collected = env.from_sequence(1..=3).collect();
        env.execute("after").expect("the cluster goes on");
        assert_eq!(collected.take().len(), 3);
    }
}

#[test]
fn a_running_job_is_canceled_soon_even_when_it_waits_everywhere() {
    let env = environment(2);
    let (sink, receiver) = channel_sink(4);
    let endless = env.from_generator(None, RateLimit::Unlimited, |n| n);
    endless.rebalance().map(|n| n).rebalance().sink_to(sink);
    let handle = env.execute_async("endless").expect("it starts");
    // Once a record came through, all buffers fill up behind the full channel.
    assert!(receiver.recv().is_some());
    assert_eq!(handle.status(), JobStatus::Running);
    let began = std::time::Instant::now();
    handle.cancel();
    let error = handle.wait().expect_err("it was canceled");
    assert!(matches!(error, Error::Canceled { .. }), "{error}");
    let took = began.elapsed();
    assert!(took.as_millis() < 100, "cancelling took {took:?}");
}

#[test]
fn a_program_pushes_into_and_pulls_from_a_running_job() {
    let env = environment(2);
    let (sender, source) = channel_source::<i64>(8);
    let (sink, receiver) = channel_sink(8);
    env.from_source(source, "requests").map(|n| n * 2).sink_to(sink);
    let handle = env.execute_async("service").expect("it starts");
    let pusher = std::thread::spawn(move || {
        for n in 0..10_000 {
            sender.send(n).expect("the job runs");
        }
    });
    let mut answers: Vec<i64> = receiver.collect();
    pusher.join().expect("the pusher does not panic");
    handle.wait().expect("the job ends when all senders are gone");
    answers.sort_unstable();
    assert_eq!(answers, (0..10_000).map(|n| n * 2).collect::<Vec<_>>());
}

#[test]
fn records_longer_than_segments_and_all_memory() {
    let sizes: Vec<u64> = vec![10, 100_000, 3, 10_000_000, 32_744, 32_752, 32_753, 0, 65_536];
    check(
        |env| {
            let texts = env.from_collection(sizes_of_records());
            texts
                .map(|size| vec![7u8; size as usize])
                .rebalance()
                .map(|bytes| bytes.len() as u64)
                .collect()
        },
        sizes,
    );
    let env = environment(1);
    env.from_collection([300_000_000usize]).map(|size| vec![1u8; size]).rebalance().discard();
    let text = env.execute("huge").expect_err("it does not fit").to_string();
    assert!(text.contains("taskmanager.memory.network.max") && text.contains("300000"), "{text}");
}

fn sizes_of_records() -> Vec<u64> {
    vec![10, 100_000, 3, 10_000_000, 32_744, 32_752, 32_753, 0, 65_536]
}

#[test]
fn wrong_programs_are_told_what_is_wrong() {
    let env = environment(1);
    let text = env.execute("nothing").expect_err("no operators").to_string();
    assert!(text.contains("no operators"), "{text}");
    let _ = env.from_sequence(0..=1).map(|n| n).name("dangling");
    let text = env.execute("no sink").expect_err("no sink").to_string();
    assert!(text.contains("no sink") && text.contains("dangling"), "{text}");
    env.from_sequence(0..=1).uid("a").map(|n| n).uid("a").discard();
    assert!(env.execute("clash").expect_err("clash").to_string().contains("uid \"a\""));
    env.from_sequence(0..=1).rebalance().name("nobody").discard();
    assert!(env.execute("name").expect_err("misplaced").to_string().contains("name()"));
}
