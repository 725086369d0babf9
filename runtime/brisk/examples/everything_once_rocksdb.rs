//! The job of `cargo xtask chaos` with its keyed state in RocksDB: see the example `everything_once` of the
//! connectors.

use brisk::BoxError;

#[path = "../../connect/examples/everything_once.rs"]
mod everything_once;

fn main() -> Result<(), BoxError> {
    everything_once::main()
}
