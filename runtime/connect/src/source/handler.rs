//! From a record as it lies in the file to the records of the dataflow.

use std::fmt;
use std::marker::PhantomData;

use brisk_core::Record;

/// Takes the records that a handler makes.
pub trait Output<T> {
    /// Takes one.
    fn push(&mut self, record: T);
}

/// Makes records of what a file holds: lines (`str`) or binary records (`[u8]`).
pub trait Handler<R: ?Sized>: Clone + Send + 'static {
    /// What it makes.
    type Out: Record;

    /// Makes any number of records of one that was read.
    fn handle<O: Output<Self::Out>>(&mut self, raw: &R, out: &mut O);
}

/// Each record on the heap: a `String` for a line, a `Vec<u8>` for bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Owned;

impl Handler<str> for Owned {
    type Out = String;

    #[inline]
    fn handle<O: Output<String>>(&mut self, raw: &str, out: &mut O) {
        out.push(raw.to_owned());
    }
}

impl Handler<[u8]> for Owned {
    type Out = Vec<u8>;

    #[inline]
    fn handle<O: Output<Vec<u8>>>(&mut self, raw: &[u8], out: &mut O) {
        out.push(raw.to_vec());
    }
}

/// One record made by a function of each that was read.
#[derive(Debug, Clone, Copy)]
pub struct EachRecord<F>(pub(super) F);

impl<R: ?Sized, T: Record, F> Handler<R> for EachRecord<F>
where
    F: FnMut(&R) -> T + Clone + Send + 'static,
{
    type Out = T;

    #[inline]
    fn handle<O: Output<T>>(&mut self, raw: &R, out: &mut O) {
        out.push((self.0)(raw));
    }
}

/// Records made by a function that may make many of one.
pub struct ManyRecords<F, T> {
    function: F,
    records: Records<T>,
}

/// Where a function of [`ManyRecords`] puts what it makes.
#[derive(Debug)]
pub struct Records<T> {
    records: Vec<T>,
}

impl<T> Records<T> {
    /// Adds a record.
    #[inline]
    pub fn collect(&mut self, record: T) {
        self.records.push(record);
    }
}

impl<T> Extend<T> for Records<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, records: I) {
        self.records.extend(records);
    }
}

impl<F, T> ManyRecords<F, T> {
    pub(super) fn new(function: F) -> ManyRecords<F, T> {
        ManyRecords { function, records: Records { records: Vec::new() } }
    }
}

impl<F: Clone, T> Clone for ManyRecords<F, T> {
    fn clone(&self) -> ManyRecords<F, T> {
        ManyRecords::new(self.function.clone())
    }
}

impl<F, T> fmt::Debug for ManyRecords<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ManyRecords({:?})", PhantomData::<T>)
    }
}

impl<R: ?Sized, T: Record, F> Handler<R> for ManyRecords<F, T>
where
    F: FnMut(&R, &mut Records<T>) + Clone + Send + 'static,
{
    type Out = T;

    #[inline]
    fn handle<O: Output<T>>(&mut self, raw: &R, out: &mut O) {
        (self.function)(raw, &mut self.records);
        for record in self.records.records.drain(..) {
            out.push(record);
        }
    }
}
