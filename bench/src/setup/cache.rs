//! Where inputs and peers are kept: outside the sources, built once.

use crate::BenchError;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The variable that moves the cache.
pub const VARIABLE: &str = "BRISK_BENCH_CACHE";

/// The folder that everything the harness makes goes to.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// `$BRISK_BENCH_CACHE`, or `brisk-bench` in the target folder that this program was built in.
    pub fn open() -> Result<Self, BenchError> {
        let root = match env::var_os(VARIABLE) {
            Some(folder) => PathBuf::from(folder),
            None => target_folder()?.join("brisk-bench"),
        };
        Cache::at(&root)
    }

    /// The cache in a given folder, which is made if it isn't there.
    pub fn at(root: &Path) -> Result<Self, BenchError> {
        fs::create_dir_all(root).map_err(BenchError::file("create", root))?;
        Ok(Cache { root: root.to_owned() })
    }

    /// A file or folder in the cache, there or not.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

/// The folder that cargo marked as its own above this program, or the workspace's usual one.
fn target_folder() -> Result<PathBuf, BenchError> {
    let program = env::current_exe().map_err(BenchError::system("find this program"))?;
    let marked = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    Ok(marked.map_or_else(|| crate::setup::sources().join("../target"), Path::to_owned))
}
