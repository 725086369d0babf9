//! The text of `wordcount`: sources and documents (`.c`, `.h`, `.rst`) of Debian's linux-source-6.1,
//! one after the other, in the order of the archive. The small text of tiny runs is generated.

use super::{beside, run, say};
use crate::BenchError;
use crate::input::generator::Keys;
use crate::setup::cache::Cache;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGE: &str = "linux-source-6.1";

/// Bytes of the text that warms a JVM up.
const WARM_UP_BYTES: u64 = 64 << 20;

/// Words of the text of tiny runs.
const TINY_WORDS: usize = 50_000;

/// The whole text, made if it isn't there.
pub fn ensure(cache: &Cache) -> Result<PathBuf, BenchError> {
    let text = cache.path("linux-sources.txt");
    if let Ok(metadata) = text.metadata() {
        say("text", &format!("{} is there, {} bytes", text.display(), metadata.len()));
        return Ok(text);
    }
    say("text", &format!("downloading Debian package {PACKAGE}"));
    let package = download(cache)?;
    say("text", &format!("unpacking it into {}", text.display()));
    let partial = beside(&text);
    let script = format!(
        "set -o pipefail; dpkg-deb --fsys-tarfile \"$1\" | tar -xO ./usr/src/{PACKAGE}.tar.xz \
         | xz -dc | tar -xO --wildcards '*.c' '*.h' '*.rst' > \"$2\""
    );
    let mut unpack = Command::new("bash");
    unpack.args(["-c", &script, "unpack"]).arg(&package).arg(&partial);
    run(cache, &mut unpack)?;
    fs::rename(&partial, &text).map_err(BenchError::file("rename", &partial))?;
    fs::remove_file(&package).map_err(BenchError::file("remove", &package))?;
    Ok(text)
}

/// Downloads the package; brings the list of packages up to date when it isn't.
fn download(cache: &Cache) -> Result<PathBuf, BenchError> {
    let mut get = Command::new("apt-get");
    get.args(["download", PACKAGE]).current_dir(cache.root());
    if run(cache, &mut get).is_err() {
        say("text", "updating the list of packages");
        run(cache, Command::new("apt-get").args(["update", "-qq"]))?;
        run(cache, &mut get)?;
    }
    let entries = fs::read_dir(cache.root()).map_err(BenchError::file("list", cache.root()))?;
    let is_package = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(PACKAGE) && name.ends_with(".deb")
    };
    entries.flatten().map(|entry| entry.path()).find(is_package).ok_or_else(|| {
        BenchError::Usage(format!("apt-get left no {PACKAGE} in {}", cache.root().display()))
    })
}

/// The start of the text, for warming up; made if it isn't there.
pub fn ensure_warm_up(cache: &Cache, text: &Path) -> Result<PathBuf, BenchError> {
    let warm_up = cache.path("linux-sources-start.txt");
    if !warm_up.is_file() {
        let partial = beside(&warm_up);
        let copy = || {
            let mut from = std::io::Read::take(fs::File::open(text)?, WARM_UP_BYTES);
            std::io::copy(&mut from, &mut fs::File::create(&partial)?)?;
            fs::rename(&partial, &warm_up)
        };
        copy().map_err(BenchError::file("write", &warm_up))?;
    }
    Ok(warm_up)
}

/// The text of tiny runs: words of different frequency and case, numbers, underscores, and bytes
/// that are not UTF-8.
pub fn ensure_tiny(cache: &Cache) -> Result<PathBuf, BenchError> {
    let path = cache.path("tiny.txt");
    if !path.is_file() {
        let partial = beside(&path);
        fs::write(&partial, tiny_text()).map_err(BenchError::file("write", &partial))?;
        fs::rename(&partial, &path).map_err(BenchError::file("rename", &partial))?;
    }
    Ok(path)
}

fn tiny_text() -> Vec<u8> {
    let mut text = Vec::new();
    let mut keys = Keys::new(0);
    for index in 0..TINY_WORDS {
        // The product of two uniform keys makes small numbers common.
        let rank = keys.next_key() * keys.next_key() / 1_000_000_000;
        match rank % 4 {
            0 => text.extend(format!("Word_{rank}").bytes()),
            1 => text.extend(format!("w{rank:x}").bytes()),
            2 => text.extend(format!("THE{}", rank % 16).bytes()),
            _ => text.extend(rank.to_string().bytes()),
        }
        match index % 11 {
            0 => text.extend(b"();\n"),
            1 => text.extend(b" \xff\xfe "),
            2 => text.extend("\u{e4}".bytes()),
            _ => text.push(b' '),
        }
    }
    text
}
