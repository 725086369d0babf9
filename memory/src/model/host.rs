//! How much memory the machine has and the container grants: cgroup v1 and v2.
//!
//! Everything here is a function of a root folder, below which `proc/` and `sys/` lie, so that tests
//! build their own. What is missing or unreadable counts as "no limit": systems without cgroups are
//! legal.
//!
//! A process sees its place in the hierarchy in `/proc/self/cgroup`. Each group from there up to the
//! mount may have a limit, and the smallest holds. In a container whose hierarchy is mounted without
//! a namespace the named folder does not exist below the mount; its nearest existing ancestor, in the
//! end the mount itself, then holds the container's own limit.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use super::error::ModelError;
use crate::config::MemorySize;

/// The files read here are short; a longer one is not what we think it is.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// v1 states "no limit" as the largest multiple of the page size; no machine has an exbibyte.
const NO_LIMIT: u64 = 1 << 60;

/// A limit on the memory of the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerLimit {
    /// The limit.
    pub size: MemorySize,
    /// The file that states it.
    pub file: PathBuf,
}

/// The memory there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostMemory {
    /// Of the machine, where it is known.
    pub machine: Option<MemorySize>,
    /// The smallest limit of the container and the groups around it.
    pub container: Option<ContainerLimit>,
}

/// What decided the size of a process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decided {
    /// The key to lower.
    pub(super) key: &'static str,
    /// Whether that key is the size of the process itself.
    pub(super) as_set: bool,
}

impl HostMemory {
    /// Looks below `root`, which is `/` outside of tests.
    pub fn read(root: &Path) -> HostMemory {
        HostMemory { machine: machine_memory(root), container: container_limit(root) }
    }

    /// What a process may take at most, where it is known.
    pub fn available(&self) -> Option<MemorySize> {
        self.machine.into_iter().chain(self.container.as_ref().map(|limit| limit.size)).min()
    }

    /// Refuses a process that is larger than the container.
    pub(super) fn check(&self, process: MemorySize, decided: Decided) -> Result<(), ModelError> {
        match &self.container {
            Some(limit) if process > limit.size => Err(ModelError::AboveContainerLimit {
                size: process,
                as_set: decided.as_set,
                key: decided.key,
                limit: limit.size,
                file: limit.file.clone(),
            }),
            _ => {
                if let Some(machine) = self.machine.filter(|&machine| process > machine) {
                    tracing::warn!(
                        "the process is to take {process}, but the machine has only {machine}: \
                         lower {}",
                        decided.key
                    );
                }
                Ok(())
            }
        }
    }
}

/// `MemTotal` of `/proc/meminfo`.
fn machine_memory(root: &Path) -> Option<MemorySize> {
    let text = read_short(&root.join("proc/meminfo"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(MemorySize::from_kib(kib))
}

/// The smallest limit on the way from the process's group to the mount, over all hierarchies.
fn container_limit(root: &Path) -> Option<ContainerLimit> {
    let groups = read_short(&root.join("proc/self/cgroup"))?;
    let mount = root.join("sys/fs/cgroup");
    let mut limits = Vec::new();
    for line in groups.lines() {
        // hierarchy number : controllers : path
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        if controllers.is_empty() {
            for mount in [mount.clone(), mount.join("unified")] {
                limits.extend(limits_upwards(&mount, path, "memory.max"));
            }
        } else if controllers.split(',').any(|name| name == "memory") {
            limits.extend(limits_upwards(&mount.join("memory"), path, "memory.limit_in_bytes"));
        }
    }
    limits.into_iter().min_by_key(|limit| limit.size)
}

/// The limits of the group and of those around it, up to the mount.
fn limits_upwards(mount: &Path, group: &str, file_name: &str) -> Vec<ContainerLimit> {
    let inside: PathBuf = Path::new(group)
        .components()
        .filter(|part| !matches!(part, Component::RootDir | Component::CurDir))
        .collect();
    // `..` means that the group lies outside of what this namespace shows: only the mount is left.
    let is_hidden = inside.components().any(|part| part == Component::ParentDir);
    let inside = if is_hidden { PathBuf::new() } else { inside };
    // The ancestors of a relative path end with the empty one, which is the mount itself.
    let folders = inside.ancestors().map(|folder| mount.join(folder));
    folders.filter_map(|folder| read_limit(&folder.join(file_name))).collect()
}

fn read_limit(file: &Path) -> Option<ContainerLimit> {
    let text = read_short(file)?;
    let text = text.trim();
    if text == "max" {
        return None;
    }
    let Ok(bytes) = text.parse::<u64>() else {
        tracing::warn!("{} holds no number of bytes and is not heeded", file.display());
        return None;
    };
    if bytes >= NO_LIMIT {
        return None;
    }
    Some(ContainerLimit { size: MemorySize::from_bytes(bytes), file: file.to_owned() })
}

fn read_short(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(FILE_BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}
