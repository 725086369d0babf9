//! Segments, arenas, pools, budgets, spill files and the I/O driver of Brisk.
//!
//! The data plane of everything above stands on this crate: it owns the process's big memory and
//! hands it out by the [`Segment`]. Nothing here knows what a record is.
//!
//! Reading order: [`SegmentSize`] and its neighbours, [`Arena`], [`Segment`], [`Buffer`],
//! [`Region`], [`Pool`]; [`Budget`], [`heap`] and [`Ledger`] for memory that is not segments; then
//! [`driver`] and [`spill`]; then [`config`].

pub mod driver;
pub mod spill;

pub mod config;
pub mod model;

// The memory itself: segments and who holds them.
mod arena;
mod budget;
mod error;
pub mod heap;
mod ledger;
mod pool;
mod quantity;
mod segment;
mod sync;

pub use arena::{Arena, ArenaOptions, HugePages, PageKind};
pub use budget::{Budget, Reservation, TopHolders};
pub use error::{MemoryError, Severity};
pub use ledger::{Ledger, LedgerLine, Part};
pub use pool::{Holder, Lane, LaneOptions, Pool, PoolOptions, Region, RegionKind, Taken};
pub use quantity::{SegmentCount, SegmentIndex, SegmentSize};
pub use segment::{Buffer, Claims, ClaimsRef, HeldIndex, Holding, Segment};
