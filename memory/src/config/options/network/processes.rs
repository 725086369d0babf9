//! Several processes that run the jobs of one program together.

use std::time::Duration;

use super::super::{ABOVE_ZERO, AT_LEAST_ONE, at_least_one, is_above_zero};
use crate::config::option::{ConfigOption, OptionDescription};

/// `taskmanager.processes`.
pub const COUNT: ConfigOption<u32> = ConfigOption::new(
    "taskmanager.processes",
    "Processes that run the jobs of one program together. Each is the same program, started with the \
     same arguments but for taskmanager.process.index; slots are dealt to them in turn. Our own key.",
)
.default("1")
.rule(at_least_one, AT_LEAST_ONE);

/// `taskmanager.process.index`.
pub const INDEX: ConfigOption<u32> = ConfigOption::new(
    "taskmanager.process.index",
    "Which of the processes this is. Process 0 leads the others. Our own key.",
)
.default("0");

/// `taskmanager.processes.secret`.
pub const SECRET: ConfigOption<Option<String>> = ConfigOption::new(
    "taskmanager.processes.secret",
    "What all processes know and nobody else does, at least 16 bytes. Needed when there are several. \
     Our own key.",
);

/// `jobmanager.rpc.address`.
pub const RPC_ADDRESS: ConfigOption<String> = ConfigOption::new(
    "jobmanager.rpc.address",
    "Host or address of process 0, which the others connect to.",
)
.default("localhost");

/// `jobmanager.rpc.port`.
pub const RPC_PORT: ConfigOption<u32> =
    ConfigOption::new("jobmanager.rpc.port", "Port of process 0 for the others.")
        .default("6123")
        .rule(is_port, "a whole number from 1 to 65535");

fn is_port(value: &u32) -> bool {
    (1..=u32::from(u16::MAX)).contains(value)
}

/// `taskmanager.host`.
pub const HOST: ConfigOption<String> = ConfigOption::new(
    "taskmanager.host",
    "Host or address at which the other processes reach this one's workers, and at which those \
     listen, each at a free port.",
)
.default("localhost");

/// `taskmanager.registration.timeout`.
pub const REGISTRATION_TIMEOUT: ConfigOption<Duration> = ConfigOption::new(
    "taskmanager.registration.timeout",
    "How long the processes wait for each other at their start.",
)
.default("5 min")
.rule(is_above_zero, ABOVE_ZERO);

pub(in crate::config::options) fn all() -> Vec<OptionDescription> {
    vec![
        COUNT.describe(),
        INDEX.describe(),
        SECRET.describe(),
        RPC_ADDRESS.describe(),
        RPC_PORT.describe(),
        HOST.describe(),
        REGISTRATION_TIMEOUT.describe(),
    ]
}
