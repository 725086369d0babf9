//! Faults and crashes at every place.

use super::*;

/// Checkpoint 1 is there; what happens to the machine while 2 is taken?
fn check(seed: u64, spoil: impl FnOnce(&SimulatedWorld)) -> bool {
    let world = SimulatedWorld::from_seed(seed);
    take(&world, 1).unwrap();
    spoil(&world);
    let taken = take(&world, 2);
    world.set_faults(brisk_memory::driver::Faults::default());
    world.crash();
    // Faults that were planned for later operations are met here, then all is well.
    let after = SimulatedWorld::machine(&world, "first");
    let found = latest(&after);
    match &taken {
        Ok(_) => assert_eq!(found, Some(2), "seed {seed}: what was reported is there"),
        Err(error) => assert!(
            found == Some(1) || found == Some(2),
            "seed {seed}: {found:?} is there after {error}"
        ),
    }
    taken.is_ok()
}

/// Operations that taking checkpoint 2 begins, first and last.
fn operations() -> std::ops::Range<u64> {
    let world = SimulatedWorld::from_seed(1);
    take(&world, 1).unwrap();
    let begin = world.operations_begun();
    take(&world, 2).unwrap();
    begin..world.operations_begun()
}

#[test]
fn what_was_reported_survives_every_crash() {
    for seed in 0..200 {
        assert!(check(seed, |_| ()));
    }
}

#[test]
fn each_operation_may_fail() {
    for nth in operations() {
        for fault in [PlannedFault::InputOutput, PlannedFault::NoSpace, PlannedFault::Short] {
            for seed in 1..6 {
                let taken = check(seed, |world| world.fail_operation(nth, fault));
                assert_eq!(taken, fault == PlannedFault::Short, "{fault:?} at {nth}");
            }
        }
    }
}

/// From some operation on nothing works any more, as when power goes.
#[test]
fn power_may_go_at_any_operation() {
    let operations = operations();
    for nth in operations.clone() {
        for seed in 0..20 {
            let world = SimulatedWorld::from_seed(seed);
            take(&world, 1).unwrap();
            let begun = world.operations_begun();
            let last = operations.end + 30;
            for failing in nth..last {
                world.fail_operation(failing, PlannedFault::InputOutput);
            }
            let taken = take(&world, 2);
            assert!(taken.is_err(), "{begun} {nth}");
            world.crash();
            // The rest of the planned faults meet nobody.
            while world.operations_begun() < last {
                let _ = disk(&world).files().metadata(Path::new("/"));
            }
            let found = latest(&world);
            assert!(found == Some(1) || found == Some(2), "seed {seed}, {nth}: {found:?}");
            let mode = CheckMode { read_state: true, remove: true, ..CheckMode::default() };
            let report = super::check(&mut disk(&world), storage().job_dir(), &mode).unwrap();
            assert!(report.problems.is_empty(), "seed {seed}, {nth}: {report:?}");
            assert_eq!(latest(&world), found, "the check removed nothing that is needed");
        }
    }
}

/// A crash while a checkpoint is removed leaves the others, and no half of it.
#[test]
fn power_may_go_during_a_removal() {
    for seed in 0..200 {
        let world = SimulatedWorld::from_seed(seed);
        take(&world, 1).unwrap();
        take(&world, 2).unwrap();
        let begun = world.operations_begun();
        for failing in begun + seed % 9..begun + 20 {
            world.fail_operation(failing, PlannedFault::InputOutput);
        }
        let discarded = Discarded {
            id: CheckpointId(2),
            target: CheckpointTarget::Checkpoint,
            whole: true,
            own: vec![],
            shared: vec![StatePath::new(Place::Shared, "shared-2").unwrap()],
        };
        let done = storage().discard(disk(&world).files(), &discarded);
        world.crash();
        while world.operations_begun() < begun + 20 {
            let _ = disk(&world).files().metadata(Path::new("/"));
        }
        let found = latest(&world);
        match done {
            Ok(()) => assert_eq!(found, Some(1), "seed {seed}"),
            Err(_) => assert!(found == Some(1) || found == Some(2), "seed {seed}: {found:?}"),
        }
    }
}

#[test]
fn a_full_disk_leaves_the_checkpoint_before() {
    for room in (0..8000).step_by(150) {
        let world = SimulatedWorld::from_seed(room);
        take(&world, 1).unwrap();
        let used = world.disk_used();
        world.set_disk_capacity(Some(used + room));
        let taken = take(&world, 2);
        world.set_disk_capacity(None);
        let expected = if taken.is_ok() { 2 } else { 1 };
        assert_eq!(latest(&world), Some(expected), "{room} bytes of room: {taken:?}");
        world.crash();
        assert_eq!(latest(&world), Some(expected), "after a crash");
    }
}
