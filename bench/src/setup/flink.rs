//! The Flink peer: the jars of PyPI's apache-flink-libraries, our jobs compiled against them.

use super::{is_installed, run, say, sources};
use crate::BenchError;
use crate::input::text::fnv1a;
use crate::setup::cache::Cache;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const VERSION: &str = "2.3.0";
const WHEEL: &str = "apache_flink_libraries-2.3.0-py2.py3-none-any.whl";

/// What Flink's own start scripts open to reflection on Java 17.
const OPENS: [&str; 9] = [
    "java.base/java.lang",
    "java.base/java.util",
    "java.base/java.net",
    "java.base/java.io",
    "java.base/java.nio",
    "java.base/sun.nio.ch",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/java.time",
];

/// Installs Flink and compiles the jobs, whatever of it is missing or out of date.
pub fn ensure(cache: &Cache) -> Result<(), BenchError> {
    ensure_java(cache)?;
    ensure_jars(cache)?;
    ensure_jobs(cache)
}

/// A command that runs one of our jobs; the arguments of `brisk.bench.Peer` are still to be added.
///
/// An 8 GiB task manager has about 3.5 GiB of heap, and the job manager shares this process. Of
/// the collectors, the parallel one cost the least CPU time (exchange 0.12 us a record, G1 0.17).
pub fn java(cache: &Cache) -> Command {
    let mut command = Command::new("java");
    command.args(["-Xms4g", "-Xmx4g", "-XX:+UseParallelGC", "-XX:MaxDirectMemorySize=1200m"]);
    command.args(OPENS.map(|package| format!("--add-opens={package}=ALL-UNNAMED")));
    let mut logging = OsString::from("-Dlog4j.configurationFile=");
    logging.push(sources().join("flink/log4j2.properties"));
    let mut class_path = classes(cache).into_os_string();
    class_path.push(":");
    class_path.push(jars(cache));
    command.arg(logging).arg("-cp").arg(class_path).arg("brisk.bench.Peer");
    command
}

fn ensure_java(cache: &Cache) -> Result<(), BenchError> {
    if is_installed("javac") {
        return Ok(());
    }
    say("flink", "installing Debian package openjdk-17-jdk-headless");
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "-qq", "--no-install-recommends", "openjdk-17-jdk-headless"]);
    run(cache, &mut install).map(drop)?;
    if is_installed("javac") {
        return Ok(());
    }
    Err(BenchError::MissingTool { tool: "javac", advice: "install a JDK 17" })
}

fn ensure_jars(cache: &Cache) -> Result<(), BenchError> {
    let flink = cache.path("flink");
    if flink.is_dir() {
        say("flink", &format!("{VERSION} is there, {}", flink.display()));
        return Ok(());
    }
    if !is_installed("python3") {
        return Err(BenchError::MissingTool {
            tool: "python3",
            advice: "install it with its pip, which downloads Flink from PyPI",
        });
    }
    say("flink", &format!("downloading apache-flink-libraries {VERSION} from PyPI"));
    let requirement = format!("apache-flink-libraries=={VERSION}");
    let mut download = Command::new("python3");
    download.args(["-m", "pip", "download", "--quiet", "--no-deps", "--dest"]);
    run(cache, download.arg(cache.root()).arg(requirement))?;
    say("flink", "unpacking it");
    let (wheel, partial) = (cache.path(WHEEL), cache.path("flink.partial"));
    let mut unpack = Command::new("python3");
    unpack.args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&partial);
    run(cache, &mut unpack)?;
    fs::rename(&partial, &flink).map_err(BenchError::file("rename", &partial))?;
    fs::remove_file(&wheel).map_err(BenchError::file("remove", &wheel))
}

/// Compiles the jobs when their sources are not those that were compiled last.
fn ensure_jobs(cache: &Cache) -> Result<(), BenchError> {
    let sources = java_files()?;
    let fingerprint = fingerprint(&sources)?;
    let stamp = cache.path("flink-classes.stamp");
    if fs::read_to_string(&stamp).is_ok_and(|compiled| compiled == fingerprint) {
        return Ok(());
    }
    say("flink", "compiling the jobs of bench/flink");
    let mut compile = Command::new("javac");
    compile.arg("-d").arg(classes(cache)).arg("-cp").arg(jars(cache)).args(sources);
    run(cache, &mut compile)?;
    fs::write(&stamp, fingerprint).map_err(BenchError::file("write", &stamp))
}

/// All sources; folders group them, their package is one.
fn java_files() -> Result<Vec<PathBuf>, BenchError> {
    let mut folders = vec![sources().join("flink/brisk/bench")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(BenchError::file("list", &folder))?;
        let paths = entries.flatten().map(|entry| entry.path());
        let (inner, found): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
        folders.extend(inner);
        files.extend(found);
    }
    files.sort();
    Ok(files)
}

fn fingerprint(files: &[PathBuf]) -> Result<String, BenchError> {
    let mut all = Vec::new();
    for file in files {
        all.extend(fs::read(file).map_err(BenchError::file("read", file))?);
    }
    Ok(format!("{VERSION} {:016x}", fnv1a(&all)))
}

fn classes(cache: &Cache) -> PathBuf {
    cache.path("flink-classes")
}

fn jars(cache: &Cache) -> PathBuf {
    cache.path("flink").join(Path::new("pyflink/lib/*"))
}
