//! The repository as the commands see it.
//!
//! Owns where it is, which files it has, and what Rust texts and Cargo manifests say. It is read
//! once for a command and never written.

pub(crate) mod manifest;
pub(crate) mod source;
pub(crate) mod tree;
pub(crate) mod workspace;
