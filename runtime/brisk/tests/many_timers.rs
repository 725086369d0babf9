//! Timers lie in managed memory: many of them leave the heap alone, and where not even what finds them has
//! room, the rest being on disk, they fail their job with an
//! error that says what has ended.

use brisk::{memory::heap::CountingAllocator, prelude::*};

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator::system();

/// Of the whole process, results and all.
const HEAP_MIB: u64 = 64;
const TIMERS: i64 = 600_000;

/// A timer for each number, all of them before the first is due.
#[derive(Clone)]
struct Later;

impl KeyedProcessFunction<i64, i64> for Later {
    type Out = i64;

    fn process_element(
        &mut self,
        number: i64,
        context: &mut KeyedContext<'_, '_, i64>,
        _out: &mut Collector<i64>,
    ) -> Result<(), BoxError> {
        context.register_event_time_timer(Timestamp::from_millis(TIMERS + number * 7919 % 499_979));
        Ok(())
    }

    fn on_timer(
        &mut self,
        _time: Timestamp,
        context: &mut KeyedContext<'_, '_, i64>,
        out: &mut Collector<i64>,
    ) -> Result<(), BoxError> {
        out.collect(*context.current_key());
        Ok(())
    }
}

/// The keys whose timers fired.
fn run(managed: &str) -> Result<Vec<i64>, Error> {
    let mut config = Configuration::new();
    config.set("taskmanager.memory.task.heap.size", format!("{HEAP_MIB}m"));
    config.set("taskmanager.memory.managed.size", managed);
    let env = StreamExecutionEnvironment::with_configuration(config)?;
    env.set_parallelism(2);
    let times = WatermarkStrategy::for_monotonous_timestamps()
        .with_timestamp_assigner(|number: &i64, _| Timestamp::from_millis(*number));
    let numbers = env.from_sequence(0..=TIMERS - 1).assign_timestamps_and_watermarks(times);
    let fired = numbers.key_by(|number: &i64| *number).process(Later).name("later").collect();
    env.execute("timers")?;
    Ok(fired.take())
}

/// The heap's limit is the process's, so this file has one test.
#[test]
fn timers_are_bounded_by_managed_memory_and_not_on_the_heap() {
    let mut fired = run("128m").expect("there is room");
    fired.sort_unstable();
    assert!(fired.iter().copied().eq(0..TIMERS), "{} fired", fired.len());
    let error = run("4m").expect_err("there is not").to_string();
    for part in ["job 'timers' failed", "operator 'later'", "managed memory has ended"] {
        assert!(error.contains(part), "'{part}' is not in: {error}");
    }
}
