//! The typed side of an exchange: which subpartition a record goes to, and its
//! way into a buffer.
//!
//! Data plane. A task's own output is written through a static type; only a stream
//! that has several readers, and side outputs, go through `dyn`.

mod fork;
mod hash;
mod outlet;
mod partitioner;
mod tail;
mod writer;

pub use fork::Fork;
pub use hash::{HashWriter, key_group_of};
pub use outlet::{EdgeWriter, Outlet, SideOutput, SideWriter, Terminal};
pub use partitioner::Partitioner;
pub use tail::Tail;
pub use writer::{RecordWriter, Writer, WriterParts};
