//! The facade crate that programs on Brisk depend on.
