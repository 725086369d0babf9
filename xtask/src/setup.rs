//! Installs what tests, checks and fuzzing need from the system, and nothing twice.
//!
//! Each need has a probe that is run first, so that a second run only looks. What is not here is
//! not needed: the tests bring no service of their own yet. Python packages are installed beside the
//! builds, where tests look for them, and nowhere else.

use crate::failure::Failure;
use crate::repository::workspace::Workspace;
use crate::run::Run;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Downloads may be slow; a hanging one must still end.
const INSTALL_LIMIT: Duration = Duration::from_secs(15 * 60);

/// What something is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// `cargo xtask test`.
    Tests,
    /// `cargo xtask ci`.
    Checks,
    /// `cargo xtask fuzz`.
    Fuzz,
}

/// Where a need comes from.
#[derive(Debug, Clone, Copy)]
enum From {
    /// Debian packages.
    Apt(&'static [&'static str]),
    /// Components of the Rust toolchain.
    Rustup(&'static [&'static str]),
    /// A program that cargo builds: name and version.
    Cargo(&'static str, &'static str),
    /// A Python package, into the folder of [`python_packages`]: name and version.
    Pip(&'static str, &'static str),
}

#[derive(Debug)]
struct Need {
    name: &'static str,
    why: &'static str,
    purpose: Purpose,
    /// A command that succeeds when the need is met.
    probe: &'static [&'static str],
    from: From,
}

/// The library, and the headers that belong to it, where Debian has them.
const LIBCLANG: &str = "ls /usr/lib/*/libclang*.so* /usr/lib/llvm-*/lib/clang/*/include/stddef.h";

const NEEDS: &[Need] = &[
    Need {
        name: "C compiler",
        why: "links every program and builds zstd",
        purpose: Purpose::Tests,
        probe: &["cc", "--version"],
        from: From::Apt(&["gcc", "libc6-dev"]),
    },
    Need {
        name: "C++ compiler",
        why: "builds RocksDB",
        purpose: Purpose::Tests,
        probe: &["c++", "--version"],
        from: From::Apt(&["g++"]),
    },
    Need {
        name: "libclang",
        why: "reads the headers of RocksDB",
        purpose: Purpose::Tests,
        probe: &["sh", "-c", LIBCLANG],
        from: From::Apt(&["libclang1-14", "libclang-common-14-dev"]),
    },
    Need {
        name: "Python",
        why: "runs the engine that results are compared with",
        purpose: Purpose::Tests,
        probe: &["python3", "-m", "pip", "--version"],
        from: From::Apt(&["python3", "python3-pip"]),
    },
    Need {
        name: "DuckDB",
        why: "computes what queries must give",
        purpose: Purpose::Tests,
        probe: &["python3", "-c", "import duckdb; assert duckdb.__version__ == '2.0.0'"],
        from: From::Pip("duckdb", "2.0.0"),
    },
    Need {
        name: "git",
        why: "lists the files that tidy reads",
        purpose: Purpose::Checks,
        probe: &["git", "--version"],
        from: From::Apt(&["git"]),
    },
    Need {
        name: "rustfmt",
        why: "checks the format",
        purpose: Purpose::Checks,
        probe: &["cargo", "fmt", "--version"],
        from: From::Rustup(&["rustfmt"]),
    },
    Need {
        name: "clippy",
        why: "checks the lints",
        purpose: Purpose::Checks,
        probe: &["cargo", "clippy", "--version"],
        from: From::Rustup(&["clippy"]),
    },
    Need {
        name: "C++ compiler",
        why: "builds the fuzzing engine",
        purpose: Purpose::Fuzz,
        probe: &["c++", "--version"],
        from: From::Apt(&["g++"]),
    },
    Need {
        name: "cargo-fuzz",
        why: "builds and runs the fuzz targets",
        purpose: Purpose::Fuzz,
        probe: &["cargo", "fuzz", "--version"],
        from: From::Cargo("cargo-fuzz", "0.13.2"),
    },
];

/// Meets all needs of `purposes`. Says for each whether it was there.
pub(crate) fn meet(workspace: &Workspace, purposes: &[Purpose]) -> Result<String, Failure> {
    let needs: Vec<&Need> = NEEDS.iter().filter(|need| purposes.contains(&need.purpose)).collect();
    let mut installed = Vec::new();
    for need in &needs {
        if is_met(workspace, need) {
            println!("{:<14} present", need.name);
            continue;
        }
        println!("{:<14} missing, {}: installing", need.name, need.why);
        install(workspace, need)?;
        if !is_met(workspace, need) {
            return Err(Failure::Environment(format!(
                "{} was installed, but `{}` still fails; is its folder in PATH?",
                need.name,
                need.probe.join(" ")
            )));
        }
        installed.push(need.name);
    }
    Ok(match installed.as_slice() {
        [] => format!("all {} needs were met already", needs.len()),
        names => format!("installed {}", names.join(", ")),
    })
}

/// Where Python packages are: beside the builds, so that neither the system's nor a user's change.
fn python_packages(workspace: &Workspace) -> PathBuf {
    workspace.target().join("tools/python")
}

fn is_met(workspace: &Workspace, need: &Need) -> bool {
    let probe = Command::new(need.probe[0])
        .args(&need.probe[1..])
        .env("PYTHONPATH", python_packages(workspace))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    probe.is_ok_and(|status| status.success())
}

fn install(workspace: &Workspace, need: &Need) -> Result<(), Failure> {
    for command in commands(workspace, need.from) {
        Run::new(command, INSTALL_LIMIT).finish().map_err(|failure| {
            Failure::Environment(format!(
                "{} ({}) could not be installed: {failure}; install it by hand and run this again",
                need.name, need.why
            ))
        })?;
    }
    Ok(())
}

fn commands(workspace: &Workspace, from: From) -> Vec<Command> {
    match from {
        From::Apt(packages) => {
            let mut install = apt();
            install.args(["install", "--yes", "--no-install-recommends"]).args(packages);
            let mut update = apt();
            update.arg("update");
            vec![update, install]
        }
        From::Rustup(components) => {
            let mut add = Command::new("rustup");
            add.args(["component", "add"]).args(components);
            vec![add]
        }
        From::Cargo(name, version) => {
            let mut install = workspace.cargo();
            install.args(["install", "--locked", name, "--version", version]);
            // Beside the other builds, so that nothing is left in a temporary folder.
            install.env("CARGO_TARGET_DIR", workspace.target().join("tools"));
            vec![install]
        }
        From::Pip(name, version) => {
            let mut install = Command::new("python3");
            install.args(["-m", "pip", "install", "--no-deps", "--upgrade", "--target"]);
            install.arg(python_packages(workspace)).arg(format!("{name}=={version}"));
            vec![install]
        }
    }
}

/// apt-get, through sudo for whoever is not root and has it.
fn apt() -> Command {
    let root = Path::new("/proc/self").metadata().is_ok_and(|proc| {
        use std::os::unix::fs::MetadataExt;
        proc.uid() == 0
    });
    let mut command = if root {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["--non-interactive", "apt-get"]);
        sudo
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

#[cfg(test)]
mod tests;
