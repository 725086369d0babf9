//! What a program may also set in code, for which its code then wins.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::grammar::{ConfigValue, Refused};
use crate::config::option::{ConfigOption, OptionDescription};

/// The largest maximum parallelism: key groups are numbered in 15 bits.
pub const MAX_PARALLELISM_LIMIT: u32 = 1 << 15;

/// What `pipeline.max-parallelism` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxParallelism {
    /// Derived from the parallelism of each operator; written -1.
    Derived,
    /// This many, from 1 to [`MAX_PARALLELISM_LIMIT`].
    Fixed(u32),
}

impl ConfigValue for MaxParallelism {
    fn type_name() -> String {
        "Integer".to_owned()
    }

    fn accepted() -> String {
        format!("a whole number from 1 to {MAX_PARALLELISM_LIMIT}, or -1 to derive it")
    }

    fn parse_value(text: &str) -> Result<MaxParallelism, Refused> {
        match text.trim() {
            "-1" => Ok(MaxParallelism::Derived),
            text => match text.parse() {
                Ok(count) if (1..=MAX_PARALLELISM_LIMIT).contains(&count) => {
                    Ok(MaxParallelism::Fixed(count))
                }
                _ => Err(Refused("it is not such a number".to_owned())),
            },
        }
    }
}

/// `pipeline.name`.
pub const NAME: ConfigOption<Option<String>> =
    ConfigOption::new("pipeline.name", "Name of the job.");

/// `pipeline.max-parallelism`.
pub const MAX_PARALLELISM: ConfigOption<MaxParallelism> = ConfigOption::new(
    "pipeline.max-parallelism",
    "Number of key groups of operators that set none, and so the bound up to which they can be \
     rescaled. Derived: at least 128, else the next power of two above 1.5 times the parallelism.",
)
.default("-1");

/// `pipeline.operator-chaining.enabled`.
pub const OPERATOR_CHAINING: ConfigOption<bool> = ConfigOption::new(
    "pipeline.operator-chaining.enabled",
    "Whether operators joined by a forward edge run in one task without a hand-over.",
)
.default("true")
.deprecated(&["pipeline.operator-chaining"]);

/// `pipeline.object-reuse`.
pub const OBJECT_REUSE: ConfigOption<bool> = ConfigOption::new(
    "pipeline.object-reuse",
    "Accepted for Flink's sake: records move between chained operators and are never copied, with \
     either value.",
)
.default("false");

/// `pipeline.auto-generate-uids`.
pub const AUTO_GENERATE_UIDS: ConfigOption<bool> = ConfigOption::new(
    "pipeline.auto-generate-uids",
    "Whether operators without a uid get one from the shape of the graph. When false, an operator \
     without a uid is an error.",
)
.default("true");

/// `pipeline.auto-watermark-interval`.
pub const AUTO_WATERMARK_INTERVAL: ConfigOption<Duration> = ConfigOption::new(
    "pipeline.auto-watermark-interval",
    "Time between two watermarks of a periodic generator; 0 turns them off.",
)
.default("200 ms");

/// `pipeline.jobvertex-parallelism-overrides`.
pub const PARALLELISM_OVERRIDES: ConfigOption<BTreeMap<String, u32>> = ConfigOption::new(
    "pipeline.jobvertex-parallelism-overrides",
    "Parallelism by job vertex id; wins over the program. No effect yet.",
)
.default("");

pub(super) fn all() -> Vec<OptionDescription> {
    vec![
        NAME.describe(),
        MAX_PARALLELISM.describe(),
        OPERATOR_CHAINING.describe(),
        OBJECT_REUSE.describe(),
        AUTO_GENERATE_UIDS.describe(),
        AUTO_WATERMARK_INTERVAL.describe(),
        PARALLELISM_OVERRIDES.describe(),
    ]
}
