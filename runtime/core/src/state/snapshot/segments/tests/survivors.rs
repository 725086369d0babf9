//! Tables whose task fails, and the next one.

use super::*;
use crate::{graph::OperatorId, state::Survivors};

type Wide = Subtask<u64, [u64; 13]>;

fn operator() -> OperatorId {
    OperatorId::of_uid("test")
}

/// The job's only subtask with this table, which leaves it when it is dropped.
fn leaving<K: Key, V: Record>(subtask: Subtask<K, V>, survivors: &Survivors) -> Subtask<K, V> {
    let mut subtask = subtask;
    let place = survivors.place(operator(), 0);
    subtask.table.leave_to(place.heir(&subtask.state.history));
    subtask
}

fn put(subtask: &mut Wide, keys: std::ops::Range<u16>, size: u8) {
    keys.for_each(|key| {
        let (key, value) = wide(key, size);
        subtask.put(&key, &value);
    });
}

/// The next run of the subtask.
fn next_run<K: Key + Debug, V: Record + Clone + Debug>(
    (store, arena): (&Store, &Arena),
    handle: &KeyedStateHandle,
    survivors: &Survivors,
) -> Result<Subtask<K, V>, TaskError> {
    let disk = Rc::new(RefCell::new(Some(store.disk())));
    let mut shares = shares_on(vec![handle.clone()], 1, ("/job/chk-1", disk));
    let restored = shares.pop().expect("one").with_survivors(survivors, 0);
    let mut subtask = Subtask::<K, V>::new(arena, 0, 1);
    restore_table(&mut subtask.table, &subtask.state, &restored)?;
    subtask.table.verify_invariants();
    Ok(subtask)
}

fn remove_files(store: &Store, handle: &KeyedStateHandle) {
    for file in &handle.shared {
        let path = format!("/job/shared/{}", file.state.file().unwrap().path.name());
        store.disk().files().unlink(Path::new(&path)).unwrap();
    }
}

/// Segments, and then some that a log goes with.
fn two_checkpoints(store: &mut Store, subtask: &mut Wide) -> [KeyedStateHandle; 2] {
    put(subtask, 0..10_000, 3);
    let first = store.write(subtask.cut(1, None), || {}).handle;
    // Logged from here on.
    let empty = store.write(subtask.cut(2, Some(1)), || {}).handle;
    assert_eq!(empty.shared.len(), 1);
    for key in (0..10_000).step_by(50) {
        put(subtask, key..key + 1, 4);
    }
    let second = store.write(subtask.cut(3, Some(2)), || {});
    assert!((1..100).contains(&second.segments), "{} of the log", second.segments);
    [first, second.handle]
}

#[test]
fn where_nothing_changed_no_file_is_read() {
    let (arena, mut store, survivors) =
        (arena(3000), Store::new(Compression::None), Survivors::default());
    let mut subtask = leaving(Wide::new(&arena, 0, 1), &survivors);
    let [_, handle] = two_checkpoints(&mut store, &mut subtask);
    let expected = subtask.content();
    drop(subtask);
    remove_files(&store, &handle);
    for _ in 0..2 {
        // The second time nothing was written since it was restored, so the files are needed.
        let next = next_run::<u64, [u64; 13]>((&store, &arena), &handle, &survivors);
        match next {
            Ok(mut next) => assert!(next.content() == expected),
            Err(error) => return assert!(error.to_string().contains("/job/shared/"), "{error}"),
        }
    }
    panic!("the second run had no files");
}

#[test]
fn what_changed_is_read_from_the_files() {
    let (arena, mut store, survivors) =
        (arena(3000), Store::new(Compression::Zstd), Survivors::default());
    let mut subtask = leaving(Wide::new(&arena, 0, 1), &survivors);
    let [_, handle] = two_checkpoints(&mut store, &mut subtask);
    let expected = subtask.content();
    put(&mut subtask, 17..18, 9);
    put(&mut subtask, 10_000..10_001, 9);
    drop(subtask);
    let mut next = next_run::<u64, [u64; 13]>((&store, &arena), &handle, &survivors).unwrap();
    assert!(next.content() == expected);
    let mut next = leaving(next, &survivors);
    let handle = store.write(next.cut(4, None), || {}).handle;
    put(&mut next, 17..18, 9);
    drop(next);
    remove_files(&store, &handle);
    let failed = next_run::<u64, [u64; 13]>((&store, &arena), &handle, &survivors);
    assert!(failed.err().expect("one segment has changed").to_string().contains("/job/shared/"));
}

/// The job goes back to a checkpoint that is not the last that the table knows, and to one that it does
/// not know, whose segments have the same numbers.
#[test]
fn another_checkpoint_is_not_taken_for_the_last() {
    let (arena, mut store) = (arena(3000), Store::new(Compression::None));
    for known in [true, false] {
        let survivors = Survivors::default();
        let mut subtask = leaving(Wide::new(&arena, 0, 1), &survivors);
        let [first, _] = two_checkpoints(&mut store, &mut subtask);
        let mut other = Wide::new(&arena, 0, 1);
        put(&mut other, 0..10_000, 5);
        let handle = match known {
            true => first,
            false => store.write(other.cut(1, None), || {}).handle,
        };
        let expected = if known { 3 } else { 5 };
        drop(subtask);
        let mut next = next_run::<u64, [u64; 13]>((&store, &arena), &handle, &survivors).unwrap();
        let content = next.content();
        assert!(content.values().all(|value| *value == [expected; 13]), "known: {known}");
        assert_eq!(content.len(), 10_000);
    }
}

/// They are the job's only while it is between two runs.
#[test]
fn nothing_is_held_once_it_is_of_no_use() {
    let (arena, mut store, survivors) =
        (arena(3000), Store::new(Compression::None), Survivors::default());
    let lent = || arena.managed().lent().0;
    assert_eq!(lent(), 0);
    let run = |store: &mut Store| {
        let mut subtask = leaving(Wide::new(&arena, 0, 1), &survivors);
        two_checkpoints(store, &mut subtask)
    };
    let [_, handle] = run(&mut store);
    assert!(lent() > 0, "the state is still there");
    let next = next_run::<u64, [u64; 13]>((&store, &arena), &handle, &survivors).unwrap();
    drop(next);
    assert_eq!(lent(), 0, "nothing was written since");
    run(&mut store);
    survivors.forget([operator()].into_iter(), 1);
    assert!(lent() > 0, "of another subtask");
    survivors.forget([operator()].into_iter(), 0);
    assert_eq!(lent(), 0);
    run(&mut store);
    survivors.clear();
    assert_eq!(lent(), 0);
}

/// A job that fails now and then.
fn check<K: Key + Ord + Debug, V: Record + Clone + Debug + PartialEq>(
    (steps, compression): (Vec<Step>, Compression),
    segments: u32,
    pair: impl Fn(u16, u8) -> (K, V),
) {
    let (arena, survivors) = (arena(segments), Survivors::default());
    let mut store = Store::new(compression);
    let mut subtask = leaving(Subtask::<K, V>::new(&arena, 0, 1), &survivors);
    let mut completed: Option<(u64, KeyedStateHandle, BTreeMap<K, V>)> = None;
    for (id, step) in (1..).zip(steps) {
        match step {
            Step::Put(from, count, size) => (from..from + count.min(100)).for_each(|key| {
                let (key, value) = pair(key, size);
                subtask.put(&key, &value);
            }),
            Step::Scatter(from, count, size) => (0..count).for_each(|at| {
                let (key, value) = pair((from + at * 97) % 2000, size);
                subtask.put(&key, &value);
            }),
            Step::Remove(from, count) => (from..from + count.min(20)).for_each(|key| {
                subtask.remove(&pair(key, 0).0);
            }),
            Step::Checkpoint { completes, .. } => {
                let then = subtask.content();
                if then.is_empty() {
                    continue;
                }
                let base = completed.as_ref().map(|(id, ..)| *id);
                let written = store.write(subtask.cut(id, base), || {});
                if completes {
                    completed = Some((id, written.handle, then));
                }
            }
            Step::Restore(_) => {
                let Some((_, handle, then)) = &completed else { continue };
                drop(subtask);
                subtask = next_run::<K, V>((&store, &arena), handle, &survivors).unwrap();
                let found = subtask.content();
                assert!(found == *then, "{} instead of {}", found.len(), then.len());
                subtask = leaving(subtask, &survivors);
                // Of what it wrote before it knows nothing.
                completed = None;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn plain_tables_survive(steps in steps()) {
        check((steps, Compression::Zstd), 2000, number);
    }

    #[test]
    fn wide_values_survive(steps in steps()) {
        check((steps, Compression::None), 2000, wide);
    }

    #[test]
    fn text_survives(steps in steps()) {
        check((steps, Compression::None), 20_000, text);
    }

    /// There is not enough for two of them.
    #[test]
    fn with_little_memory_they_survive(steps in steps()) {
        check((steps, Compression::None), 220, wide);
    }
}
