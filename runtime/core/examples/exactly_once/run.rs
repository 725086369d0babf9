//! One seed: the job from its beginning to its end, through whatever happens to it.

use crate::{
    Planted,
    job::{Failures, Ledgers, Size, describe, expected},
    report::Faults,
};
use brisk_core::{
    Error,
    api::StreamExecutionEnvironment,
    checkpoint::{
        statistics::CheckpointStatistics,
        storage::{Disk, latest_complete},
    },
    job::{JobHandle, SimulatedCluster},
};
use brisk_memory::{
    config::{
        Configuration,
        options::{execution::RuntimeMode, state::ClaimMode},
    },
    driver::{Driver, DriverKind, DriverOptions, Faults as DiskFaults, PerMillion, SimulatedWorld},
};
use std::{
    any::Any,
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::Duration,
};

/// Where checkpoints are.
const FOLDER: &str = "/checkpoints";

/// Turns after which a killed process is started anew, at most.
const KILL_STEPS: u64 = 3000;

/// Runs a seed: what happened, and what was wrong.
pub(crate) fn run(seed: u64, planted: Option<Planted>) -> (Faults, Result<(), String>) {
    let mut faults = Faults::default();
    let result = match catch_unwind(AssertUnwindSafe(|| scenario(seed, planted, &mut faults))) {
        Ok(result) => result,
        Err(panic) => Err(text(panic)),
    };
    (faults, result)
}

fn text(panic: Box<dyn Any + Send>) -> String {
    let known = panic.downcast_ref::<String>().cloned();
    let known = known.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    known.unwrap_or_else(|| "a panic without words".to_owned())
}

/// What a seed decides for all processes of its job.
struct Scenario {
    size: Size,
    chaining: bool,
    settings: Vec<(&'static str, String)>,
    disk_faults: bool,
}

fn draw(world: &SimulatedWorld) -> Scenario {
    let one_of = |count| world.below(count);
    let mut settings = vec![
        ("execution.checkpointing.dir", FOLDER.to_owned()),
        (
            "execution.checkpointing.externalized-checkpoint-retention",
            "RETAIN_ON_CANCELLATION".to_owned(),
        ),
        ("execution.checkpointing.tolerable-failed-checkpoints", one_of(4).to_string()),
        ("execution.checkpointing.snapshot-compression", (one_of(2) == 0).to_string()),
        (
            "execution.checkpointing.data-inline-threshold",
            ["0 b", "20 kb"][one_of(2) as usize].to_owned(),
        ),
        ("execution.checkpointing.timeout", "2 s".to_owned()),
        ("restart-strategy.type", "fixed-delay".to_owned()),
        ("restart-strategy.fixed-delay.attempts", "50".to_owned()),
        ("restart-strategy.fixed-delay.delay", format!("{} ms", 1 + one_of(20))),
    ];
    match one_of(3) {
        0 => settings.push((
            "execution.checkpointing.max-concurrent-checkpoints",
            (1 + one_of(3)).to_string(),
        )),
        1 => settings.push(("execution.checkpointing.unaligned.enabled", "true".to_owned())),
        _ => {
            settings.push(("execution.checkpointing.unaligned.enabled", "true".to_owned()));
            settings
                .push(("execution.checkpointing.aligned-checkpoint-timeout", "1 ms".to_owned()));
        }
    }
    let (about, parallelism) = (500 + one_of(4000) as i64, 1 + one_of(4) as u32);
    let count = about - about % (2 * i64::from(parallelism));
    let mut scenario = Scenario {
        size: Size { count, parallelism },
        chaining: one_of(2) == 0,
        settings,
        disk_faults: one_of(3) == 0,
    };
    let incremental = (one_of(3) > 0).to_string();
    scenario.settings.push(("execution.checkpointing.incremental", incremental));
    scenario
}

fn environment(scenario: &Scenario) -> Result<StreamExecutionEnvironment, Error> {
    let mut config = Configuration::new();
    for (key, value) in &scenario.settings {
        config.set(*key, value.clone());
    }
    let mut env = StreamExecutionEnvironment::with_configuration(config)?;
    env.set_runtime_mode(RuntimeMode::Streaming);
    env.enable_checkpointing(Duration::from_millis(10));
    env.set_parallelism(scenario.size.parallelism);
    env.set_auto_watermark_interval(Duration::from_micros(300));
    if !scenario.chaining {
        env.disable_operator_chaining();
    }
    Ok(env)
}

fn scenario(seed: u64, planted: Option<Planted>, faults: &mut Faults) -> Result<(), String> {
    let world = SimulatedWorld::from_seed(seed);
    let mut scenario = draw(&world);
    if planted == Some(Planted::NoBlocking) {
        let overtakes = |key: &str| key.contains("unaligned") || key.contains("aligned-");
        scenario.settings.retain(|(key, _)| !overtakes(key));
        scenario.settings.push(("execution.checkpointing.mode", "AT_LEAST_ONCE".to_owned()));
    }
    let at: BTreeSet<u64> =
        (0..world.below(4)).map(|_| world.below(2 * scenario.size.count as u64)).collect();
    let (failures, ledgers) = (Failures::at(at), Ledgers::with(planted));
    let mut kills = world.below(4);
    let mut repairs = u64::from(scenario.disk_faults);
    faults.disks_with_faults = u64::from(scenario.disk_faults);
    loop {
        let mut env = environment(&scenario).map_err(|error| error.to_string())?;
        if let Some(folder) = latest(&world)? {
            faults.restored += 1;
            env.restore_from(&folder.display().to_string(), ClaimMode::NoClaim);
        }
        describe(&env, scenario.size, (&failures, &ledgers));
        let cluster = SimulatedCluster::in_world(seed, &world);
        let mut cluster = cluster.map_err(|error| error.to_string())?;
        let handle = env.submit_to(&mut cluster, "campaign").map_err(|error| error.to_string())?;
        if repairs > 0 {
            world.set_faults(bad_disk(&world));
        }
        let killed = kills > 0 && steps(&mut cluster, &handle, world.below(KILL_STEPS))?;
        if killed {
            kills -= 1;
            faults.process_kills += 1;
            note(faults, &handle);
            world.set_faults(DiskFaults::default());
            drop(handle);
            if world.below(2) == 0 {
                world.crash();
            }
            drop(cluster);
            if !world.is_stuck() {
                return Err("a killed process left a driver behind".to_owned());
            }
            continue;
        }
        while !handle.is_over() {
            if !cluster.step() {
                return Err(format!("deadlocked in status {}", handle.status()));
            }
        }
        world.set_faults(DiskFaults::default());
        note(faults, &handle);
        in_time(&handle)?;
        match cluster.finish(handle) {
            Ok(_) => break,
            // The disk failed too often; somebody repairs it and starts the job anew.
            Err(Error::RestartsUsedUp { .. }) if repairs > 0 => {
                repairs -= 1;
                faults.given_up += 1;
            }
            Err(error) => return Err(error.to_string()),
        }
    }
    faults.operator_failures = failures.met();
    compare(scenario.size, &ledgers)
}

/// True when the job is still running after these.
fn steps(cluster: &mut SimulatedCluster, handle: &JobHandle, most: u64) -> Result<bool, String> {
    for _ in 0..most {
        if handle.is_over() {
            return Ok(false);
        }
        if !cluster.step() {
            return Err(format!("deadlocked in status {}", handle.status()));
        }
    }
    Ok(!handle.is_over())
}

fn note(faults: &mut Faults, handle: &JobHandle) {
    let counts = handle.checkpoint_statistics().counts;
    faults.checkpoints_completed += counts.completed;
    faults.checkpoints_failed += counts.failed;
    faults.restarts += u64::from(handle.restarts());
}

/// Nothing here takes as long as checkpoints may take, so one that did was stuck.
fn in_time(handle: &JobHandle) -> Result<(), String> {
    let history = handle.checkpoint_statistics().history;
    let message = |checkpoint: &CheckpointStatistics| checkpoint.failure_message.clone();
    let expired = history.iter().filter_map(message).find(|text| text.contains("expired"));
    expired.map_or(Ok(()), |text| Err(format!("a checkpoint stood still: {text}")))
}

fn bad_disk(world: &SimulatedWorld) -> DiskFaults {
    let rate = || PerMillion(world.below(20_000) as u32);
    DiskFaults {
        short_transfer: rate(),
        read_error: rate(),
        write_error: rate(),
        no_space: rate(),
        sync_error: rate(),
        metadata_error: rate(),
        slow: rate(),
    }
}

/// The newest checkpoint of any process before.
fn latest(world: &SimulatedWorld) -> Result<Option<PathBuf>, String> {
    let kind = DriverKind::Simulated(world.clone());
    let driver = Driver::new(DriverOptions { kind, ..DriverOptions::default() });
    let mut disk = Disk::simulated(driver.map_err(|error| error.to_string())?, world.clone());
    let Ok(jobs) = disk.files().list(Path::new(FOLDER)) else { return Ok(None) };
    let mut newest = None;
    for job in jobs {
        let found = latest_complete(&mut disk, &job).map_err(|error| error.to_string())?;
        let Some(found) = found else { continue };
        let key = found.checkpoint.id;
        if newest.as_ref().is_none_or(|(known, _)| *known < key) {
            newest = Some((key, found.folder));
        }
    }
    Ok(newest.map(|(_, folder)| folder))
}

fn compare(size: Size, ledgers: &Ledgers) -> Result<(), String> {
    for (found, (name, expected)) in ledgers.rows().into_iter().zip(expected(size)) {
        if found == expected {
            continue;
        }
        let difference =
            found.iter().zip(&expected).position(|(found, expected)| found != expected);
        let at = difference.unwrap_or(found.len().min(expected.len()));
        return Err(format!(
            "ledger {name} has {} rows, not {}; row {at} is {:?}, not {:?}",
            found.len(),
            expected.len(),
            found.get(at),
            expected.get(at)
        ));
    }
    Ok(())
}
