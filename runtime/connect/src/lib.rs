//! Filesystems and connectors of Brisk.
pub mod constants;
pub mod error;
pub mod files;
pub mod format;
pub mod inflate;
pub mod read;
pub use error::ConnectError;
