//! The timely peer: `bench/timely`, a package of its own, built by cargo into the cache.

use super::{run, say, sources};
use crate::BenchError;
use crate::setup::cache::Cache;
use crate::workload::contender::GLIBC;
use std::env;
use std::path::PathBuf;
use std::process::Command;

/// Builds the programs; cargo does nothing when they are up to date.
pub fn ensure(cache: &Cache) -> Result<(), BenchError> {
    say("timely", "building bench/timely if it is not up to date (timely 0.31 from crates.io)");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .args(["build", "--quiet", "--release", "--locked", "--manifest-path"])
        .arg(sources().join("timely/Cargo.toml"))
        .arg("--target-dir")
        .arg(target(cache));
    run(cache, &mut build).map(drop)
}

/// The program of a variant.
pub fn program(cache: &Cache, variant: &str) -> PathBuf {
    let name = if variant == GLIBC { "glibc" } else { "mimalloc" };
    target(cache).join("release").join(name)
}

fn target(cache: &Cache) -> PathBuf {
    cache.path("timely")
}
