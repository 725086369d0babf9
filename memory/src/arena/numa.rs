#![expect(unsafe_code, reason = "mbind is a bare system call")]
//! NUMA nodes: which there are, which memory each should hold, which one a thread runs on.
//!
//! A region's segments are cut into as many equal runs as the machine has nodes, and each run is
//! bound to its node (preferred, not forced: a full node spills over). A thread that draws from a
//! region gets segments of its own node while there are any. On one node nothing of this happens.
//! Control plane. Deliberately absent: moving pages, and distances between nodes.

use std::io;
use std::ops::Range;
use std::path::Path;

/// Where Linux describes its nodes.
const NODES: &str = "/sys/devices/system/node";
/// `MPOL_PREFERRED` of the kernel's `mempolicy.h`: this node first, others when it is full.
const MPOL_PREFERRED: libc::c_int = 1;
/// Nodes that one word of a node mask can name; machines with more are treated as one node.
const NODES_MAX: u32 = u64::BITS;

/// A node and its cores.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Node {
    id: u32,
    cpus: Vec<Range<u32>>,
}

/// The nodes of the machine that have memory, at least one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Topology {
    nodes: Vec<Node>,
}

/// A node's place in the topology, from 0 on without gaps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NodePlace(pub(crate) usize);

impl Topology {
    /// What the system says.
    pub(crate) fn of_machine() -> Topology {
        Topology::read(Path::new(NODES))
    }

    /// What `folder` says; one node when it says nothing or anything unknown.
    fn read(folder: &Path) -> Topology {
        let list = |name: String| {
            let text = std::fs::read_to_string(folder.join(name)).ok()?;
            parse_list(text.trim())
        };
        let memory = list("has_memory".to_owned()).unwrap_or_default();
        let node = |id| Some(Node { id, cpus: list(format!("node{id}/cpulist"))? });
        let nodes: Option<Vec<Node>> = memory.into_iter().flatten().map(node).collect();
        let nodes =
            nodes.filter(|nodes| !nodes.is_empty() && nodes.iter().all(|node| node.id < NODES_MAX));
        Topology { nodes: nodes.unwrap_or_else(|| vec![Node { id: 0, cpus: Vec::new() }]) }
    }

    /// Several nodes on whatever machine runs the tests: all are its node 0, cores are on the last.
    #[cfg(test)]
    #[cfg(not(loom))]
    pub(crate) fn pretended(nodes: usize) -> Topology {
        let node =
            |place| Node { id: 0, cpus: vec![if place + 1 == nodes { 0..4096 } else { 0..0 }] };
        Topology { nodes: (0..nodes).map(node).collect() }
    }

    /// How many nodes there are.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The node that the calling thread runs on now.
    pub(crate) fn current(&self) -> NodePlace {
        if self.len() == 1 {
            return NodePlace(0);
        }
        let cpu = current_cpu();
        let here = |node: &Node| node.cpus.iter().any(|cpus| cpus.contains(&cpu));
        NodePlace(self.nodes.iter().position(here).unwrap_or(0))
    }

    /// Asks that the bytes at `start` lie on this node. Only an advice: a refusal changes nothing.
    pub(crate) fn bind(&self, place: NodePlace, start: *mut u8, bytes: usize) -> io::Result<()> {
        let mask: u64 = 1 << self.nodes[place.0].id;
        // The kernel looks at one bit less than it is told.
        let bits = u64::from(NODES_MAX) + 1;
        // SAFETY: mbind reads the mask and changes where pages come from, not what they hold; it
        // refuses what is not mapped.
        let result = unsafe {
            libc::syscall(libc::SYS_mbind, start, bytes, MPOL_PREFERRED, &raw const mask, bits, 0)
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

fn current_cpu() -> u32 {
    u32::try_from(rustix::thread::sched_getcpu()).unwrap_or(0)
}

/// The kernel's notation of sets: `0-3,8`.
fn parse_list(text: &str) -> Option<Vec<Range<u32>>> {
    let parts = text.split(',').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (first.parse().ok()?, last.parse::<u32>().ok()?);
            Some(first..last.checked_add(1)?)
        })
        .collect()
}

#[cfg(test)]
mod tests;
