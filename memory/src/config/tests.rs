use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::options::{core, execution, memory, network, pipeline};
use super::*;

/// The messages that `action` logs on this thread.
pub(crate) fn warnings_of(action: impl FnOnce()) -> Vec<String> {
    let log = Arc::new(Mutex::new(Vec::<u8>::new()));
    let writer = Arc::clone(&log);
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || Shared(Arc::clone(&writer)))
        .with_ansi(false)
        .with_level(false)
        .with_target(false)
        .without_time()
        .finish();
    tracing::subscriber::with_default(subscriber, action);
    let bytes = log.lock().unwrap();
    String::from_utf8(bytes.clone()).unwrap().lines().map(|line| line.trim().to_owned()).collect()
}

struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A configuration from a flat file with these lines.
pub(crate) fn config(lines: &str) -> Configuration {
    let mut config = Configuration::new();
    config.load_flat(lines, Path::new("conf/flink-conf.yaml")).unwrap();
    config
}

/// What `get` gives for the lines, and what it logs.
fn check<T: ConfigValue + PartialEq + std::fmt::Debug>(
    lines: &str,
    option: &ConfigOption<T>,
    expected: T,
    expected_warnings: &[&str],
) {
    let config = config(lines);
    let warnings = warnings_of(|| {
        for _ in 0..3 {
            assert_eq!(config.get(option).unwrap(), expected);
            assert_eq!(config.clone().get(option).unwrap(), expected);
        }
    });
    assert_eq!(warnings, expected_warnings);
}

#[test]
fn a_default_holds_while_nothing_is_set() {
    check("", &core::TASK_SLOTS, 1, &[]);
    check("", &memory::NETWORK_MAX, MemorySize::MAX, &[]);
    check("", &pipeline::NAME, None, &[]);
    check("", &core::TMP_DIRS, PathList(vec![PathBuf::from("/tmp")]), &[]);
    check("taskmanager.numberOfTaskSlots: 3", &core::TASK_SLOTS, 3, &[]);
}

#[test]
fn a_deprecated_key_works_with_one_warning() {
    check(
        "execution.buffer-timeout: 5 s",
        &execution::BUFFER_TIMEOUT_INTERVAL,
        Duration::from_secs(5),
        &["execution.buffer-timeout (conf/flink-conf.yaml line 1) is deprecated; write \
           execution.buffer-timeout.interval instead"],
    );
}

#[test]
fn the_new_key_wins_over_the_deprecated_one() {
    let lines = "taskmanager.memory.network.min: 1 mb\ntaskmanager.network.memory.min: 2 mb";
    check(
        lines,
        &memory::NETWORK_MIN,
        MemorySize::from_mib(1),
        &["taskmanager.network.memory.min (conf/flink-conf.yaml line 2) is ignored because \
           taskmanager.memory.network.min is set; remove it"],
    );
}

#[test]
fn a_fallback_key_gives_the_value_without_a_warning() {
    const ADDRESS: ConfigOption<String> =
        ConfigOption::new("rest.address", "Where.").fallback(&["jobmanager.rpc.address"]);
    check("jobmanager.rpc.address: here", &ADDRESS, "here".to_owned(), &[]);
    check("jobmanager.rpc.address: here\nrest.address: there", &ADDRESS, "there".to_owned(), &[]);
    let message = Configuration::new().get(&ADDRESS).unwrap_err().to_string();
    assert_eq!(message, "rest.address is not set and has no default (Where.); accepted: any text");
}

#[test]
fn maps_gather_the_entries_below_their_key() {
    let weights = |entries: &[(&str, u32)]| {
        entries.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect::<BTreeMap<_, _>>()
    };
    let key = memory::MANAGED_WEIGHTS.key();
    let default = weights(&[("OPERATOR", 70), ("STATE_BACKEND", 70), ("PYTHON", 30)]);
    check("", &memory::MANAGED_WEIGHTS, default, &[]);
    let lines = format!("{key}.OPERATOR: 1\n{key}.PYTHON: 2\n{key}x: 9");
    check(&lines, &memory::MANAGED_WEIGHTS, weights(&[("OPERATOR", 1), ("PYTHON", 2)]), &[]);
    let lines = format!("{key}: OPERATOR:3\n{key}.OPERATOR: 1");
    check(&lines, &memory::MANAGED_WEIGHTS, weights(&[("OPERATOR", 3)]), &[]);
    assert!(config(&format!("{key}.X: 1")).contains(&memory::MANAGED_WEIGHTS));
    let error = config(&format!("a: 1\n{key}.X: y")).get(&memory::MANAGED_WEIGHTS).unwrap_err();
    assert!(error.to_string().contains("line 2"), "{error}");
}

#[test]
fn an_error_names_key_place_value_and_what_is_accepted() {
    let error = config("a: 1\ntaskmanager.memory.network.max: 33 kbb")
        .get(&memory::NETWORK_MAX)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "taskmanager.memory.network.max: '33 kbb' (conf/flink-conf.yaml line 2) is refused: 'kbb' \
         is not a unit of memory; accepted: a whole number with an optional unit b, kb, mb, gb or \
         tb of 1024 each, such as 64mb; without a unit it counts bytes"
    );
    let error = config("taskmanager.network.memory.max: x").get(&memory::NETWORK_MAX).unwrap_err();
    assert!(error.to_string().starts_with("taskmanager.network.memory.max: 'x'"), "{error}");
}

#[test]
fn what_is_set_later_wins_and_is_named_as_the_origin() {
    let mut config = config("taskmanager.numberOfTaskSlots: 2\nunknown.key: kept");
    let origin = |config: &Configuration| config.origin(&core::TASK_SLOTS).map(Origin::to_string);
    assert_eq!(origin(&config).as_deref(), Some("conf/flink-conf.yaml line 1"));
    config.apply_properties("\ntaskmanager.numberOfTaskSlots: 3").unwrap();
    assert_eq!(origin(&config).as_deref(), Some("environment FLINK_PROPERTIES line 2"));
    config.apply_arguments(["-Dtaskmanager.numberOfTaskSlots=4".to_owned()]).unwrap();
    assert_eq!(origin(&config).as_deref(), Some("command line"));
    config.set("taskmanager.numberOfTaskSlots", "5");
    assert_eq!(origin(&config).as_deref(), Some("set by the program"));
    assert_eq!(config.get(&core::TASK_SLOTS).unwrap(), 5);
    assert_eq!(config.raw("unknown.key"), Some("kept"));

    let mut other = Configuration::new();
    other.set("taskmanager.numberOfTaskSlots", "6");
    config.merge(&other);
    assert_eq!(config.get(&core::TASK_SLOTS).unwrap(), 6);
    assert!(config.unset("taskmanager.numberOfTaskSlots"));
    assert!(!config.unset("taskmanager.numberOfTaskSlots"));
    assert_eq!(origin(&config), None);
}

#[test]
fn secrets_are_stars_wherever_they_could_show() {
    let secret_keys = [
        "s3.secret-key",
        "security.ssl.internal.key-password",
        "fs.azure.account.key.x.net",
        "security.ssl.rest.private.key",
        "my.TOKEN",
        "s3.access-key",
        "metrics.apikey",
    ];
    for key in secret_keys {
        assert!(is_secret(key), "{key}");
        let mut config = Configuration::new();
        config.set(key, "s3cret");
        assert_eq!(config.shown().next().unwrap().value, HIDDEN);
        assert!(!format!("{config:?}").contains("s3cret"));
        assert_eq!(config.entries().next(), Some((key, "s3cret")));
    }
    assert!(!is_secret("security.ssl.internal.keystore"));
    const SECRET: ConfigOption<PortRange> = ConfigOption::new("a.password", "A secret.");
    let message = config("a.password: s3cret").get(&SECRET).unwrap_err().to_string();
    assert!(message.contains(HIDDEN) && !message.contains("s3cret"), "{message}");
}

#[test]
fn keys_of_1x_that_2x_fixed_still_work() {
    let config = config(
        "taskmanager.network.memory.buffers-per-channel: 0\n\
         taskmanager.network.memory.max-overdraft-buffers-per-gate: 5",
    );
    assert_eq!(config.get(&network::BUFFERS_PER_CHANNEL).unwrap(), 0);
    assert_eq!(config.get(&network::FLOATING_BUFFERS_PER_GATE).unwrap(), 8);
    assert_eq!(config.get(&network::MAX_BUFFERS_PER_CHANNEL).unwrap(), 10);
    assert_eq!(config.get(&network::MAX_OVERDRAFT_BUFFERS).unwrap(), 5);
}

#[test]
fn the_documentation_lists_exactly_the_options() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let page = render_documentation();
    if std::env::var_os("BRISK_REWRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/configuration.md is out of date: run BRISK_REWRITE_DOCS=1 cargo test -p brisk-memory \
         documentation"
    );
}
