//! Filesystems and connectors of Brisk.
pub mod constants;
pub mod error;
pub mod files;
pub use error::ConnectError;
