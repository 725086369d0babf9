//! Jobs that fail, are killed or are stopped, and go on.

mod damage;
mod failures;
mod files;
mod golden;
mod incremental;
mod local;
mod matrix;
mod processes;
mod rescale;
