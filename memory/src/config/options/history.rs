//! What the JobManager takes in one message, and what it remembers of a job.

use super::{AT_LEAST_ONE, at_least_one};
use crate::config::grammar::MemorySize;
use crate::config::option::{ConfigOption, OptionDescription};

/// `pekko.framesize`.
pub const FRAME_SIZE: ConfigOption<MemorySize> = ConfigOption::new(
    "pekko.framesize",
    "Most bytes of one message to the JobManager. With checkpoints in its memory the state of one task \
     is such a message; a checkpoint with a larger one fails with an error that says so.",
)
.default("10485760b")
.deprecated(&["akka.framesize"]);

/// `web.checkpoints.history`.
pub const CHECKPOINTS_HISTORY: ConfigOption<u32> = ConfigOption::new(
    "web.checkpoints.history",
    "Checkpoints that the statistics of a job show one by one.",
)
.default("10")
.rule(at_least_one, AT_LEAST_ONE);

/// `web.exception-history-size`.
pub const EXCEPTION_HISTORY: ConfigOption<u32> =
    ConfigOption::new("web.exception-history-size", "Failures that are remembered of a job.")
        .default("16")
        .rule(at_least_one, AT_LEAST_ONE);

pub(super) fn all() -> Vec<OptionDescription> {
    vec![FRAME_SIZE.describe(), CHECKPOINTS_HISTORY.describe(), EXCEPTION_HISTORY.describe()]
}
