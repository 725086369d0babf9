//! Exchanges with other processes, carried out in a worker's turn.
//!
//! Owns: [`Transport`], which has the TCP connections of one worker and puts together the
//! driver's sockets ([`brisk_memory::driver`]), the handshake ([`crate::wire::handshake`]) and
//! [`crate::connection::Connection`]; [`RemoteSubpartition`], the end of a result partition
//! whose consumer is elsewhere ([`crate::Port::Remote`]); and what an input gate with remote
//! producers needs ([`GateOptions`]).
//!
//! ```text
//!  ResultPartition -> Port::Remote -> RemoteSubpartition --+      +-- Link -- socket -- peer
//!                                                          +------+
//!  InputGate <----------------- RemoteGate (credit) -------+      +-- Link -- socket -- peer
//! ```
//!
//! Invariants:
//! - Bytes of buffers are received into segments of their gate's pool and sent out of
//!   the segments of their partition's pool.
//! - One connection for each peer that this worker connects to, and one for each that connects
//!   to it, whatever number of channels.
//! - A link that fails takes its channels along, each with an error that names the peer,
//!   and nothing else.
//! - Until a peer has shown that it knows the secret it has one small block of memory, a time
//!   limit, and a place among a bounded number.
//!
//! Thread: one worker; nothing here blocks. Deliberately absent: names of hosts,
//! another attempt for what had been connected (the job's restart is one), encryption, and connections
//! shared by several workers.

mod error;
mod gate;
mod link;
mod options;
mod subpartition;
mod transport;

pub use error::{RemoteError, RemoteFailure};
pub use gate::{GateOptions, Producer};
pub use options::{Backoff, LinkOptions, TransportOptions};
pub use subpartition::RemoteSubpartition;
pub use transport::Transport;

#[cfg(test)]
mod tests;
