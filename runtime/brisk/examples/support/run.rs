//! How the examples end: with an error that says why, and an exit code.

use brisk::prelude::BoxError;
use std::process::ExitCode;

/// Runs an example; an error is printed with its causes, and the exit code says so.
pub(crate) fn main(run: impl FnOnce() -> Result<(), BoxError>) -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(inner) = cause {
                eprintln!("  caused by: {inner}");
                cause = inner.source();
            }
            ExitCode::FAILURE
        }
    }
}
