//! Stand-in until the real one is merged.
#[derive(Default, Debug)]
pub struct AccumulatorRegistry;
#[derive(Default, Debug)]
pub struct AccumulatorSnapshot;
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct AccumulatorError;
pub trait Accumulate: Sized {}
impl AccumulatorRegistry {
    pub fn register<A: Accumulate>(&mut self, _: &str, _: &str) -> Result<A, AccumulatorError> { Err(AccumulatorError) }
    pub fn snapshot(&self) -> AccumulatorSnapshot { AccumulatorSnapshot }
}
