//! Flink's configuration: keys, values with their origin, their grammar, and the options we honour.
//!
//! Owns: [`Configuration`], the loaders of both file formats, the value types, the option table.
//! Control plane: used from any thread, allocates freely, never on the path of a record.
//!
//! Invariants:
//! - Text stays text until an option reads it, so a key we do not know is kept and shown.
//! - What is set later wins; between two names of one option the newer name wins, whatever the order.
//! - No error, log line or `Debug` output holds the value of a secret.
//! - No input makes it panic or keep more than a small multiple of its own size.
//!
//! Deliberately absent: defaults that depend on the machine (the memory model and the runtime derive
//! those, and say so), and a global configuration: it is passed along.

mod yaml;

mod error;
mod origin;

mod grammar;
mod option;

mod configuration;
mod load;
mod nearest;

pub mod options;

mod documentation;

pub use configuration::{Configuration, Found, ShownSetting};
pub use documentation::render_documentation;
pub use error::ConfigError;
pub use grammar::{
    ConfigEnum, ConfigValue, Fraction, MemorySize, PathList, PortRange, PortSpan, Refused,
    render_duration, render_list, render_map,
};
pub use load::{
    FILE_BYTES_MAX, FLINK_CONF_DIR, FLINK_PROPERTIES, KEY_BYTES_MAX, KEYS_MAX, exercise,
};
pub use option::{ConfigOption, OptionDescription};
pub use origin::{HIDDEN, Origin, is_secret};

#[cfg(test)]
pub(crate) mod tests;
