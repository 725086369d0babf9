//! What the systems work on, the same for all, and what must come out.

pub mod generator;
pub mod reference;
pub mod text;
