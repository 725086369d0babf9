//! Filesystems and connectors of Brisk.
