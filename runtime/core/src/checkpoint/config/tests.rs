use super::*;

fn config(settings: &[(&str, &str)]) -> Configuration {
    let mut config = Configuration::new();
    for (key, value) in settings {
        config.set(*key, *value);
    }
    config
}

#[test]
fn defaults_are_those_of_flink() {
    let read = CheckpointConfig::read(&Configuration::new()).unwrap();
    assert_eq!(read.interval, None);
    assert!(!read.is_periodic());
    assert_eq!(read.timeout, Duration::from_secs(600));
    assert_eq!((read.max_concurrent.get(), read.num_retained.get()), (1, 1));
    assert_eq!(read.alignment, Alignment::Aligned);
    assert_eq!(read.retention, Retention::Never);
    assert!(read.after_tasks_finish && !read.incremental);
}

#[test]
fn alignment_follows_from_mode_and_keys() {
    let unaligned = ("execution.checkpointing.unaligned", "true");
    let check = |settings: &[(&str, &str)], expected| {
        assert_eq!(CheckpointConfig::read(&config(settings)).unwrap().alignment, expected);
    };
    check(&[unaligned], Alignment::Unaligned);
    let timeout = ("execution.checkpointing.aligned-checkpoint-timeout", "30 s");
    check(&[unaligned, timeout], Alignment::AlignedUntil(Duration::from_secs(30)));
    check(&[timeout], Alignment::Aligned);
    let mode = ("execution.checkpointing.mode", "AT_LEAST_ONCE");
    check(&[unaligned, mode], Alignment::AtLeastOnce);
}

#[test]
fn what_does_not_go_together_is_refused() {
    let concurrent = ("execution.checkpointing.max-concurrent-checkpoints", "2");
    let unaligned = ("execution.checkpointing.unaligned.enabled", "true");
    let refused = CheckpointConfig::read(&config(&[concurrent, unaligned])).unwrap_err();
    assert!(refused.to_string().contains("set it to 1"), "{refused}");
    let refused =
        CheckpointConfig::read(&config(&[("execution.checkpointing.interval", "5")])).unwrap_err();
    assert!(refused.to_string().contains("at least 10 ms"), "{refused}");
    let pause = ("execution.checkpointing.min-pause", "1 s");
    let read = CheckpointConfig::read(&config(&[concurrent, pause])).unwrap();
    assert_eq!(read.max_concurrent.get(), 1, "a pause between checkpoints leaves room for one");
}

#[test]
fn storage_follows_from_keys_old_and_new() {
    let check = |settings: &[(&str, &str)], expected: Result<CheckpointStorage, &str>| match (
        checkpoint_storage(&config(settings)),
        expected,
    ) {
        (Ok(found), Ok(expected)) => assert_eq!(found, expected),
        (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
        (found, expected) => panic!("{settings:?}: {found:?}, not {expected:?}"),
    };
    let dir = ("state.checkpoints.dir", "/data");
    check(&[], Ok(CheckpointStorage::JobManager));
    check(&[dir], Ok(CheckpointStorage::FileSystem));
    check(&[dir, ("state.backend", "jobmanager")], Ok(CheckpointStorage::JobManager));
    check(&[("state.backend", "filesystem")], Err("execution.checkpointing.dir"));
    check(&[("execution.checkpointing.storage", "filesystem")], Err("names no folder"));
}
