//! What windows over two tagged streams hold, stream by stream and pair by pair.

use std::marker::PhantomData;

use crate::{
    Record,
    chain::{Collector, OneOf, window::ProcessWindowFunction},
    error::BoxError,
    task::{Context, RuntimeContext},
    time::window::Fired,
};

/// A function over the records of two streams in a window, as one over the window's records.
#[derive(Clone, Debug)]
pub struct Grouped<F>(pub(crate) F);

impl<K, W, A, B, F> ProcessWindowFunction<K, W, Vec<OneOf<A, B>>> for Grouped<F>
where
    F: ProcessWindowFunction<K, W, (Vec<A>, Vec<B>)>,
{
    type Out = F::Out;

    fn open(&mut self, context: &mut RuntimeContext) -> Result<(), BoxError> {
        self.0.open(context)
    }

    fn process(
        &mut self,
        fired: Fired<K, W, Vec<OneOf<A, B>>>,
        context: &mut Context<'_>,
        out: &mut Collector<F::Out>,
    ) -> Result<(), BoxError> {
        let Fired { key, window, content } = fired;
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for record in content {
            match record {
                OneOf::First(record) => first.push(record),
                OneOf::Second(record) => second.push(record),
            }
        }
        self.0.process(Fired { key, window, content: (first, second) }, context, out)
    }

    fn close(&mut self) {
        self.0.close();
    }
}

/// A function over each pair of the records of two streams in a window.
pub struct EachPair<F, U> {
    function: F,
    made: PhantomData<fn() -> U>,
}

impl<F, U> EachPair<F, U> {
    pub(crate) fn new(function: F) -> Self {
        Self { function, made: PhantomData }
    }
}

impl<F: Clone, U> Clone for EachPair<F, U> {
    fn clone(&self) -> Self {
        Self::new(self.function.clone())
    }
}

impl<F, U> std::fmt::Debug for EachPair<F, U> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EachPair")
    }
}

impl<K, W, A, B, F, U> ProcessWindowFunction<K, W, (Vec<A>, Vec<B>)> for EachPair<F, U>
where
    U: Record,
    F: FnMut(&A, &B, &mut Collector<U>) + Clone + Send + 'static,
{
    type Out = U;

    fn process(
        &mut self,
        fired: Fired<K, W, (Vec<A>, Vec<B>)>,
        _context: &mut Context<'_>,
        out: &mut Collector<U>,
    ) -> Result<(), BoxError> {
        let (first, second) = fired.content;
        for one in &first {
            for other in &second {
                (self.function)(one, other, out);
            }
        }
        Ok(())
    }
}
