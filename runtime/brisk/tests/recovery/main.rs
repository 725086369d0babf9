//! Jobs that fail, are killed or are stopped, and go on.

mod failures;
mod files;
mod incremental;
mod rescale;
