//! Credit-based flow control: who may send, and who sets segments aside for it.
//!
//! Owns three pure step functions. [`Sender`] is the producing end of a channel: what
//! waits, how much credit there is, what goes next. [`Receiver`] is the consuming end: it
//! checks the order of what comes. [`GateShares`] decides for all channels of a gate which
//! one gets the next segment. The README beside this file argues that nobody waits for
//! ever; tests enumerate small cases.
//!
//! ```text
//!             Data, Event, Backlog                               segments
//!   Sender ------------------------> Receiver --- GateShares <------------ pool
//!          <------------------------
//!             AddCredit, Resume
//! ```
//!
//! Invariants:
//! - Credits that a sender has, that are under way to it, and data under way from it are
//!   together the segments that the receiver holds ready.
//! - Each channel can have its exclusive segments, whatever others hold.
//! - Events need no credit; what overtakes goes before all data.
//!
//! Thread: pure, any. Deliberately absent: segments and bytes (payloads are a type
//! parameter), connections, time.

mod error;
mod gate;
mod marks;
mod receiver;
mod sender;

pub use error::FlowError;
pub use gate::{GateShares, ShareEvent, ShareOptions};
pub use marks::{InFlight, Marks};
pub use receiver::{Came, EVENTS_UNREAD_MAX, Receiver, ReceiverEvent};
pub use sender::{Overtaken, Sender, SenderEvent, SenderOptions, Sending, Waiting, What};

#[cfg(test)]
mod enumerated_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod twin_tests;
