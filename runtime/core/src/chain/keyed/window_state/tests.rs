use brisk_memory::{Arena, ArenaOptions, SegmentCount, SegmentSize};
use proptest::prelude::*;
use std::{collections::BTreeMap, fmt::Debug, path::PathBuf, sync::Arc, time::Duration};

use super::*;
use crate::{
    chain::keyed::window::{
        ByDefault, CoreContext, CoreTemplate, FoldPlan, PlanWindows, SlicedCore, SlicedPlan,
        WithEvictor, WithTrigger,
    },
    checkpoint::{
        CheckpointId, CheckpointKind, Millis,
        handle::{CompletedCheckpoint, KeyedStateHandle, OperatorState, StateHandle, SubtaskState},
        restore::{TargetOperator, assign},
    },
    error::TaskError,
    exchange::key_group_of,
    graph::{KeyGroup, NodeId, OperatorId, Parallelism, SubtaskIndex},
    record::key_hash,
    state::{HashRange, Supply, SupplyOptions},
    task::{
        OperatorPlan,
        snapshot::{KeyedSnapshot, RestoredState, TaskRestore},
    },
    time::{
        Timestamp, Watermark,
        window::{
            AllowedLateness, Collected, Fed, Fold, Image, Piece, TimeDomain, TimeWindow,
            WindowAssigner,
            assigner::{
                EventTimeSessionWindows, GlobalWindows, PeriodicWindows,
                ProcessingTimeSessionWindows, SlidingEventTimeWindows,
                SlidingProcessingTimeWindows, TumblingEventTimeWindows,
                TumblingProcessingTimeWindows,
            },
            evictor::{CountEvictor, TimeEvictor},
            trigger::{
                ContinuousEventTimeTrigger, ContinuousProcessingTimeTrigger, CountTrigger,
                DeltaTrigger, EventTimeTrigger, ProcessingTimeTrigger, PurgingTrigger,
            },
        },
    },
};

/// Few, so that one has several keys.
const GROUPS: MaxParallelism = MaxParallelism(16);

#[derive(Clone, Copy, Debug)]
enum Step {
    Feed {
        key: u32,
        ahead: i64,
    },
    Advance(i64),
    Clock(i64),
    /// A failure after a checkpoint when each subtask had given so many results of the last step.
    Restore {
        given: usize,
        parallelism: u32,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..9_u32, -60..80_i64).prop_map(|(key, ahead)| Step::Feed { key, ahead }),
        3 => (0..40_i64).prop_map(Step::Advance),
        2 => (0..40_i64).prop_map(Step::Clock),
        2 => (0..4_usize, 1..5_u32)
            .prop_map(|(given, parallelism)| Step::Restore { given, parallelism }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 0..80)
}

/// Windows of numbers in several subtasks.
struct Subtasks<P: CoreTemplate<u32, u32>> {
    template: P,
    cores: Vec<P::Core>,
    watermark: Watermark,
    now: Timestamp,
    results: Vec<String>,
}

fn own(index: u32, parallelism: u32) -> KeyGroups {
    let (index, parallelism) = (SubtaskIndex(index), Parallelism(parallelism));
    KeyGroups { all: GROUPS, own: KeyGroupRange::of_subtask(index, parallelism, GROUPS) }
}

thread_local! {
    static ARENA: Arena = {
        let (segment_size, managed) = (SegmentSize::MIN, SegmentCount(8_192));
        Arena::map(ArenaOptions { segment_size, managed, ..ArenaOptions::default() })
            .expect("memory for a test")
    };
}

/// The core of one subtask.
fn build<P: CoreTemplate<u32, u32>>(template: &P, index: u32, parallelism: u32) -> P::Core {
    let supply = || {
        let options = SupplyOptions { owner: "windows".to_owned(), limit: None, spill: None };
        ARENA.with(|arena| Ok(Supply::open(arena.managed(), options)?))
    };
    let hashes = HashRange::of_key_groups(own(index, parallelism).own, GROUPS);
    let context = CoreContext { max_parallelism: GROUPS, hashes, supply: &supply };
    template.build(&context).expect("there is memory")
}

/// Keeps records as [`Collected`] does, and lies in tables as other accumulators do.
#[derive(Clone, Copy, Debug)]
struct Tabled;

impl Fold<u32> for Tabled {
    type Accumulator = Vec<u32>;

    fn first(&self, record: u32) -> Vec<u32> {
        Collected.first(record)
    }

    fn add(&self, accumulator: &mut Vec<u32>, record: u32) {
        Collected.add(accumulator, record);
    }

    fn merge(&self, accumulator: &mut Vec<u32>, later: Vec<u32>) {
        <Collected as Fold<u32>>::merge(&Collected, accumulator, later);
    }
}

/// Periodic windows in tables.
fn tabled(assigner: PeriodicWindows, lateness: u64) -> SlicedPlan<Tabled> {
    let lateness = AllowedLateness::new(millis(lateness));
    let fold = FoldPlan { fold: Tabled, lateness };
    PlanWindows::<u32, u32, Tabled>::plan((assigner, ByDefault), fold)
}

/// The bytes of a snapshot, as they would be on a disk.
fn handle_of(snapshot: KeyedSnapshot) -> KeyedStateHandle {
    let KeyedSnapshot { backend, range, schemas, mut stream } = snapshot;
    let mut bytes = Vec::new();
    while stream.next(&mut bytes).expect("state can be encoded") {}
    let (offsets, state) = (stream.offsets(), StateHandle::Inline(bytes.into()));
    KeyedStateHandle { backend, range, schemas, offsets, state, shared: Vec::new() }
}

/// What the subtasks of one parallelism wrote, as those of another find it.
fn dealt(handles: Vec<Option<KeyedStateHandle>>, parallelism: u32) -> Vec<RestoredState> {
    let id = OperatorId::of_uid("windows");
    let subtask = |handle: Option<KeyedStateHandle>| SubtaskState {
        keyed: handle.into_iter().collect(),
        ..SubtaskState::default()
    };
    let name = "windows".to_string();
    let subtasks = handles.into_iter().map(subtask).collect();
    let state =
        OperatorState { id, uid: None, name: name.clone(), max_parallelism: GROUPS, subtasks };
    let checkpoint = CompletedCheckpoint {
        job: "00112233445566778899aabbccddeeff".parse().expect("32 digits"),
        id: CheckpointId(1),
        kind: CheckpointKind::Checkpoint { unaligned: false },
        triggered_at: Millis(0),
        completed_at: Millis(0),
        operators: vec![state],
    };
    let parallelism = Parallelism(parallelism);
    let target = TargetOperator { id, parallelism, max_parallelism: GROUPS };
    let restored = assign(&checkpoint, &[target], false).expect("it fits");
    let plan = OperatorPlan { node: NodeId(0), id, name };
    let found = |share| {
        let operators = BTreeMap::from([(id, share)]);
        let restore = TaskRestore {
            folder: PathBuf::new(),
            copies: None,
            operators,
            in_flight: Default::default(),
        };
        RestoredState::new(Some(Arc::new(restore)), &plan, None)
    };
    restored.operators[&id].subtasks.iter().cloned().map(found).collect()
}

impl<P> Subtasks<P>
where
    P: CoreTemplate<u32, u32>,
    <P::Core as WindowCore<u32, u32>>::Content: Debug,
{
    fn new(template: P) -> Self {
        // The clock is read before the first record.
        let (watermark, now) = (Watermark::MIN, Timestamp::from_millis(0));
        let mut cores = vec![build(&template, 0, 1)];
        cores[0].advance_clock(now);
        Self { template, cores, watermark, now, results: Vec::new() }
    }

    fn owner(&mut self, hash: u32) -> &mut P::Core {
        let parallelism = self.cores.len() as u32;
        let group = KeyGroup(key_group_of(hash, GROUPS.0 as usize) as u32);
        let owner = (0..parallelism).find(|index| own(*index, parallelism).own.contains(group));
        &mut self.cores[owner.expect("each group has an owner") as usize]
    }

    /// Takes the results of the last step, no more than `count` of each subtask.
    fn take(&mut self, count: usize) {
        for core in &mut self.cores {
            let fired = std::iter::from_fn(|| core.next_fired()).take(count);
            self.results.extend(fired.map(|fired| format!("{fired:?}")));
        }
    }

    fn step(&mut self, number: u32, step: Step) {
        match step {
            Step::Feed { key, ahead } => {
                let hash = key_hash(&key);
                let time = self.watermark.timestamp().max(Timestamp::from_millis(-100));
                let time = Some(time.plus_millis(ahead));
                let owner = self.owner(hash);
                if owner.has_short_way(time) {
                    return owner.add((hash, &key), number).expect("there is memory");
                }
                let fed = owner.feed((hash, key), time, number).expect("it has a time");
                if let Fed::Late(number) = fed {
                    self.results.push(format!("{number} is late"));
                }
            }
            Step::Advance(by) => {
                let reached = self.watermark.timestamp().max(Timestamp::from_millis(-100));
                self.watermark = Watermark(reached.plus_millis(by));
                self.cores.iter_mut().for_each(|core| core.advance(self.watermark));
            }
            Step::Clock(by) => {
                self.now = self.now.plus_millis(by);
                self.cores.iter_mut().for_each(|core| core.advance_clock(self.now));
            }
            Step::Restore { parallelism, .. } => self.restore(parallelism),
        }
    }

    fn restore(&mut self, parallelism: u32) {
        let before = self.cores.len() as u32;
        let written = self
            .cores
            .iter_mut()
            .zip(0..)
            .map(|(core, index)| snapshot(core, own(index, before)).map(handle_of));
        let restored = dealt(written.collect(), parallelism);
        self.cores.clear();
        for (index, state) in (0..).zip(&restored) {
            let mut core = build(&self.template, index, parallelism);
            restore(&mut core, state, own(index, parallelism)).expect("its own state");
            self.cores.push(core);
        }
        // As an operator goes on: what waited, the clock, and the watermark that comes again.
        self.take(usize::MAX);
        self.cores.iter_mut().for_each(|core| core.advance_clock(self.now));
        self.take(usize::MAX);
        self.cores.iter_mut().for_each(|core| core.advance(self.watermark));
    }
}

/// Whatever is restored on the way, results are those of a run without failures.
fn check<P>(template: &P, steps: &[Step]) -> Result<(), TestCaseError>
where
    P: CoreTemplate<u32, u32>,
    <P::Core as WindowCore<u32, u32>>::Content: Debug,
{
    let (mut calm, mut failing) =
        (Subtasks::new(template.clone()), Subtasks::new(template.clone()));
    let end = [Step::Restore { given: 0, parallelism: 3 }, Step::Advance(10_000)];
    let steps = [steps, &end, &[Step::Clock(10_000)]].concat();
    for (at, step) in steps.iter().enumerate() {
        failing.step(at as u32, *step);
        let next = steps.get(at + 1);
        failing.take(match next {
            Some(Step::Restore { given, .. }) => *given,
            _ => usize::MAX,
        });
        if !matches!(step, Step::Restore { .. }) {
            calm.step(at as u32, *step);
            calm.take(usize::MAX);
        }
    }
    calm.results.sort_unstable();
    failing.results.sort_unstable();
    prop_assert_eq!(failing.results, calm.results);
    Ok(())
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn plan<A, R>(
    assigner: A,
    firing: R,
    lateness: u64,
) -> <(A, R) as PlanWindows<u32, u32, Collected>>::Plan
where
    A: WindowAssigner<u32>,
    (A, R): PlanWindows<u32, u32, Collected>,
{
    let lateness = AllowedLateness::new(millis(lateness));
    (assigner, firing).plan(FoldPlan { fold: Collected, lateness })
}

fn periodic(domain: TimeDomain, size: u64, slide: u64) -> PeriodicWindows {
    match domain {
        TimeDomain::EventTime => SlidingEventTimeWindows::of(millis(size), millis(slide)),
        TimeDomain::ProcessingTime => SlidingProcessingTimeWindows::of(millis(size), millis(slide)),
    }
}

fn domain() -> impl Strategy<Value = TimeDomain> {
    prop_oneof![3 => Just(TimeDomain::EventTime), 1 => Just(TimeDomain::ProcessingTime)]
}

fn lateness() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0..60_u64]
}

proptest! {
    #[test]
    fn sliced(
        (domain, size, slide) in (domain(), 1..40_u64, 1..20_u64),
        lateness in lateness(),
        steps in steps(),
    ) {
        check(&plan(periodic(domain, size, slide), ByDefault, lateness), &steps)?;
        // So many slices that stacks are used.
        check(&plan(periodic(domain, size + 30, 1 + slide % 3), ByDefault, lateness), &steps)?;
    }

    #[test]
    fn sliced_in_tables(
        (domain, size) in (domain(), 1..40_u64),
        slide in 0..20_u64,
        lateness in lateness(),
        steps in steps(),
    ) {
        check(&tabled(periodic(domain, size, size.div_ceil(3) + slide), lateness), &steps)?;
    }

    #[test]
    fn sessions(gap in 1..20_u64, lateness in lateness(), steps in steps()) {
        let gap = millis(gap);
        check(&plan(EventTimeSessionWindows::with_gap(gap), ByDefault, lateness), &steps)?;
        check(&plan(ProcessingTimeSessionWindows::with_gap(gap), ByDefault, 0), &steps)?;
    }

    #[test]
    fn triggered(size in 1..40_u64, slide in 1..20_u64, lateness in lateness(), steps in steps()) {
        let sliding = periodic(TimeDomain::EventTime, size, slide);
        let purging = WithTrigger(PurgingTrigger::of(EventTimeTrigger));
        check(&plan(sliding, purging, lateness), &steps)?;
        let early = WithTrigger(ContinuousEventTimeTrigger::of(millis(slide)));
        check(&plan(TumblingEventTimeWindows::of(millis(size)), early, lateness), &steps)?;
        let by_the_clock = TumblingProcessingTimeWindows::of(millis(size));
        check(&plan(by_the_clock, WithTrigger(ProcessingTimeTrigger), 0), &steps)?;
        let early = WithTrigger(ContinuousProcessingTimeTrigger::of(millis(slide)));
        check(&plan(EventTimeSessionWindows::with_gap(millis(size)), early, lateness), &steps)?;
    }

    #[test]
    fn with_evictors(gap in 1..20_u64, lateness in lateness(), steps in steps()) {
        let gap = millis(gap);
        let evicting =
            WithEvictor { trigger: EventTimeTrigger, evictor: TimeEvictor::of(gap).after() };
        check(&plan(EventTimeSessionWindows::with_gap(gap), evicting, lateness), &steps)?;
        let counting = WithEvictor { trigger: CountTrigger::of(2), evictor: CountEvictor::of(3) };
        check(&plan(GlobalWindows, counting, 0), &steps)?;
        let counting = WithEvictor { trigger: CountTrigger::of(3), evictor: CountEvictor::of(2) };
        check(&plan(periodic(TimeDomain::EventTime, 40, 10), counting, lateness), &steps)?;
    }

    #[test]
    fn by_count_and_delta(count in 1..5_u64, steps in steps()) {
        let counting = WithTrigger(PurgingTrigger::of(CountTrigger::of(count)));
        check(&plan(GlobalWindows, counting, 0), &steps)?;
        let delta = DeltaTrigger::of(2.0 * count as f64, |a: &u32, b: &u32| a.abs_diff(*b).into());
        check(&plan(GlobalWindows, WithTrigger(delta), 0), &steps)?;
    }
}

/// The bytes of tumbling windows, and what reading them says after `damage`.
fn read_damaged(damage: impl FnOnce(&mut KeyedStateHandle)) -> TaskError {
    let template = plan(TumblingEventTimeWindows::of(millis(10)), ByDefault, 0);
    let mut subtasks = Subtasks::new(template);
    (0..5).for_each(|key| subtasks.step(key, Step::Feed { key, ahead: 0 }));
    let taken = snapshot(&mut subtasks.cores[0], own(0, 1));
    let mut handle = handle_of(taken.expect("there are windows"));
    damage(&mut handle);
    let mut core = build(&template, 0, 1);
    let restored = &dealt(vec![Some(handle)], 1)[0];
    restore(&mut core, restored, own(0, 1)).expect_err("damaged state is found")
}

fn check_damaged(damage: impl FnOnce(&mut KeyedStateHandle), expected: &str) {
    let error = read_damaged(damage);
    let mut shown = error.to_string();
    let mut source: Option<&dyn std::error::Error> = std::error::Error::source(&error);
    while let Some(cause) = source {
        shown = format!("{shown}: {cause}");
        source = cause.source();
    }
    assert!(shown.contains(expected), "{shown}");
}

#[test]
fn state_of_other_windows_is_named() {
    check_damaged(|handle| handle.schemas[0].fingerprint += 1, "window-contents");
    check_damaged(|handle| handle.schemas[2].name = "timers".into(), "state 'timers'");
    check_damaged(|handle| handle.backend = BackendKind::RocksDb, "backend");
    check_damaged(|handle| handle.schemas.swap(0, 4), "state 'window-");
}

proptest! {
    /// With another lateness than before nothing stays for ever, and windows fire once.
    #[test]
    fn lateness_may_change(before in lateness(), after in lateness(), passed in 0..120_i64) {
        fn changed<P>(template: impl Fn(u64) -> P, lateness: (u64, u64), passed: i64)
        where
            P: CoreTemplate<u32, u32>,
            <P::Core as WindowCore<u32, u32>>::Content: Debug,
        {
            let mut subtasks = Subtasks::new(template(lateness.0));
            let feed = |key| Step::Feed { key: key % 6, ahead: i64::from(key) * 2 };
            (0..20).for_each(|key| subtasks.step(key, feed(key)));
            subtasks.step(0, Step::Advance(passed));
            subtasks.take(usize::MAX);
            subtasks.template = template(lateness.1);
            subtasks.step(0, Step::Restore { given: 0, parallelism: 2 });
            subtasks.take(usize::MAX);
            subtasks.step(0, Step::Advance(10_000));
            subtasks.take(usize::MAX);
            assert!(subtasks.cores.iter_mut().all(|core| core.freeze(GROUPS).is_empty()));
            let fired = subtasks.results.len();
            subtasks.results.sort_unstable();
            subtasks.results.dedup();
            assert_eq!(subtasks.results.len(), fired, "a window fires once");
        }
        let (lateness, gap) = ((before, after), millis(5));
        let sliding = periodic(TimeDomain::EventTime, 20, 5);
        changed(|lateness| plan(sliding, ByDefault, lateness), lateness, passed);
        changed(|lateness| tabled(sliding, lateness), lateness, passed);
        let sessions = EventTimeSessionWindows::with_gap(gap);
        changed(|lateness| plan(sessions, ByDefault, lateness), lateness, passed);
        let trigger = WithTrigger(EventTimeTrigger);
        changed(|lateness| plan(sliding, trigger, lateness), lateness, passed);
    }
}

#[test]
fn another_size_is_named() {
    let template = |size| plan(TumblingEventTimeWindows::of(millis(size)), ByDefault, 0);
    let mut subtasks = Subtasks::new(template(10));
    subtasks.step(1, Step::Feed { key: 1, ahead: 0 });
    let handle = snapshot(&mut subtasks.cores[0], own(0, 1)).map(handle_of);
    let restored = &dealt(vec![handle], 1)[0];
    let mut core = build(&template(20), 0, 1);
    let error = restore(&mut core, restored, own(0, 1));
    let error = error.expect_err("slices of 10 ms are none of 20 ms").to_string();
    assert!(error.contains("10 ms by 10 ms") && error.contains("20 ms by 20 ms"), "{error}");
}

proptest! {
    /// Damaged bytes are an error or other state, never a panic, though time goes on.
    #[test]
    fn damaged_bytes_do_not_crash(at in 0..4_000_usize, with in any::<u8>(), cut in any::<bool>()) {
        fn damaged<P: CoreTemplate<u32, u32>>(template: &P, at: usize, with: u8, cut: bool)
        where
            <P::Core as WindowCore<u32, u32>>::Content: Debug,
        {
            let mut subtasks = Subtasks::new(template.clone());
            let feed = |key| Step::Feed { key: key % 6, ahead: i64::from(key) * 3 };
            (0..20).for_each(|key| subtasks.step(key, feed(key)));
            let Some(taken) = snapshot(&mut subtasks.cores[0], own(0, 1)) else { return };
            let mut handle = handle_of(taken);
            let StateHandle::Inline(bytes) = &handle.state else { unreachable!("it is inline") };
            let mut bytes = bytes.to_vec();
            let at = at % bytes.len();
            if cut { bytes.truncate(at) } else { bytes[at] ^= with }
            let end = bytes.len() as u64;
            handle.offsets.retain(|offset| offset.offset < end);
            handle.state = StateHandle::Inline(bytes.into());
            let mut core = build(template, 0, 1);
            if restore(&mut core, &dealt(vec![Some(handle)], 1)[0], own(0, 1)).is_ok() {
                subtasks.cores = vec![core];
                subtasks.take(usize::MAX);
                for step in [Step::Advance(30), feed(3), feed(4), Step::Advance(10_000)] {
                    subtasks.step(7, step);
                    subtasks.take(usize::MAX);
                }
            }
        }
        damaged(&plan(periodic(TimeDomain::EventTime, 20, 5), ByDefault, 7), at, with, cut);
        damaged(&tabled(periodic(TimeDomain::EventTime, 20, 5), 7), at, with, cut);
        damaged(&plan(EventTimeSessionWindows::with_gap(millis(5)), ByDefault, 7), at, with, cut);
        let early = WithTrigger(ContinuousEventTimeTrigger::of(millis(3)));
        damaged(&tabled(periodic(TimeDomain::EventTime, 20, 5), 7), at, with, cut);
        damaged(&plan(EventTimeSessionWindows::with_gap(millis(5)), early, 7), at, with, cut);
    }
}

/// So many keys that tables have several buckets, and a barrier in the midst of a window that fires.
#[test]
fn tables_are_restored_at_any_parallelism() {
    const KEYS: u32 = 1_500;
    let fill = |subtasks: &mut Subtasks<SlicedPlan<Tabled>>, ahead: i64| {
        (0..KEYS).for_each(|key| subtasks.step(key, Step::Feed { key, ahead }));
    };
    for (before, after) in [(1, 2), (2, 1), (1, 3), (3, 7), (7, 3), (7, 1), (2, 7)] {
        for given in [0, 40, usize::MAX] {
            let template = tabled(periodic(TimeDomain::EventTime, 30, 10), 0);
            let mut subtasks = Subtasks::new(template);
            subtasks.step(0, Step::Restore { given: 0, parallelism: before });
            (0..3).for_each(|slice| fill(&mut subtasks, slice * 10));
            subtasks.step(0, Step::Advance(15));
            subtasks.take(given);
            subtasks.step(0, Step::Restore { given, parallelism: after });
            subtasks.take(usize::MAX);
            fill(&mut subtasks, 10);
            subtasks.step(0, Step::Advance(10_000));
            subtasks.take(usize::MAX);
            assert!(subtasks.cores.iter_mut().all(|core| core.freeze(GROUPS).is_empty()));
            let all = subtasks.results.len();
            subtasks.results.sort_unstable();
            subtasks.results.dedup();
            assert_eq!(subtasks.results.len(), all, "{before} to {after}: a window fires once");
            // Five windows of each key have one of its slices, which are at -100, -90 and -80; the
            // records that came later are in the slice at -75.
            assert_eq!(all, 5 * KEYS as usize, "{before} to {after}: every window fires");
        }
    }
}

/// Snapshots of older programs had a timer for each key in place of `window-progress`.
#[test]
fn timers_of_keys_say_what_has_fired() {
    let template = tabled(periodic(TimeDomain::EventTime, 20, 10), 0);
    let mut core = build(&template, 0, 1);
    let put_back = |core: &mut SlicedCore<u32, Tabled, u32>, key: u32, piece| {
        core.put_back(key_hash(&key), Image { key, piece }).expect("it fits");
    };
    let time = Timestamp::from_millis;
    for (key, due) in [(1, 19), (2, 9)] {
        let window = TimeWindow::new(time(0), time(10));
        put_back(&mut core, key, Piece::Content { window, content: vec![key] });
        let (domain, time) = (TimeDomain::EventTime, time(due));
        put_back(&mut core, key, Piece::Timer { domain, time, window: None });
    }
    core.finish_restore(Vec::new()).expect("it is whole");
    core.advance(Watermark(time(9)));
    let keys = |core: &mut SlicedCore<u32, Tabled, u32>| {
        let mut keys: Vec<u32> =
            std::iter::from_fn(|| core.next_fired()).map(|fired| fired.key).collect();
        keys.sort_unstable();
        keys
    };
    assert_eq!(keys(&mut core), [2], "the first window of key 1 had fired");
    core.advance(Watermark(time(19)));
    assert_eq!(keys(&mut core), [1, 2]);
}
