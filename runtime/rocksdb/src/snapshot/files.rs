//! The files of a database in a snapshot: which are shared, and the bytes of the others.
//!
//! ```text
//! own part    "BRSKRDB1" | u32 LE number of files
//!             | for each: u16 LE length of its name | name | u32 LE length | bytes
//! shared      files with sorted keys, under the names that they have in the database
//! ```

use std::path::{Path, PathBuf};

use brisk_memory::driver::Files;

use crate::RocksDbError;

const MAGIC: &[u8; 8] = b"BRSKRDB1";

/// Most bytes of a file that is no table: a list of tables.
const OWN_FILE_MAX: u64 = 64 << 20;

/// What files of sorted keys end with.
const TABLE: &str = ".sst";

/// The files of a folder: tables, and others.
pub(crate) fn list(
    files: &Files,
    folder: &Path,
) -> Result<(Vec<PathBuf>, Vec<PathBuf>), RocksDbError> {
    let mut all = files.list(folder)?;
    all.sort_unstable();
    Ok(all.into_iter().partition(|path| name_of(path).ends_with(TABLE)))
}

/// The name of a file.
pub(crate) fn name_of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("RocksDB names files in ASCII")
}

/// Whether a name out of a snapshot is one that RocksDB gives to a file.
pub(crate) fn is_legal(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=100).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(legal)
}

/// Writes the own part.
pub(crate) struct OwnPart(Vec<u8>);

impl OwnPart {
    pub(crate) fn new(files: usize) -> Self {
        let mut bytes = MAGIC.to_vec();
        let files = u32::try_from(files).expect("a database has few such files");
        bytes.extend_from_slice(&files.to_le_bytes());
        Self(bytes)
    }

    pub(crate) fn add(&mut self, name: &str, bytes: &[u8]) {
        let length = u16::try_from(name.len()).expect("names are short");
        self.0.extend_from_slice(&length.to_le_bytes());
        self.0.extend_from_slice(name.as_bytes());
        let length = u32::try_from(bytes.len()).expect("it was read with a limit");
        self.0.extend_from_slice(&length.to_le_bytes());
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn limit() -> u64 {
        OWN_FILE_MAX
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// The files of an own part; what is wrong with it.
pub(crate) fn read_own(bytes: &[u8]) -> Result<Vec<(&str, &[u8])>, &'static str> {
    fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], &'static str> {
        let (taken, behind) = rest.split_at_checked(count).ok_or("the list of files is cut")?;
        *rest = behind;
        Ok(taken)
    }
    let mut rest = bytes.strip_prefix(MAGIC).ok_or("it does not begin as a list of files does")?;
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |all, byte| all << 8 | usize::from(*byte));
    let count = word(take(&mut rest, 4)?);
    let mut files = Vec::new();
    for _ in 0..count {
        let length = word(take(&mut rest, 2)?);
        let name =
            std::str::from_utf8(take(&mut rest, length)?).map_err(|_| "a name is no text")?;
        if !is_legal(name) {
            return Err("a name is not one that RocksDB gives");
        }
        let length = word(take(&mut rest, 4)?);
        files.push((name, take(&mut rest, length)?));
    }
    if !rest.is_empty() {
        return Err("more bytes follow the list of files");
    }
    Ok(files)
}
