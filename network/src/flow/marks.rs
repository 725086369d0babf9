//! High and low marks of bytes in flight.

/// Above `high` bytes nothing more is handed over until there are `low` or fewer. The
/// distance between them makes batches: without it each buffer that leaves lets in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Marks {
    high: u32,
    low: u32,
}

impl Marks {
    /// Marks at so many bytes.
    ///
    /// # Panics
    /// If the low one is not below the high one.
    pub fn new(high: u32, low: u32) -> Self {
        assert!(low < high, "marks at {low} and {high} bytes");
        Self { high, low }
    }
}

/// Bytes that were handed over and have not left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InFlight {
    marks: Marks,
    bytes: u64,
    paused: bool,
}

impl InFlight {
    /// None yet.
    pub fn new(marks: Marks) -> Self {
        Self { marks, bytes: 0, paused: false }
    }

    /// Whether more may be handed over.
    pub fn is_open(&self) -> bool {
        !self.paused
    }

    /// Bytes in flight.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// So many were handed over.
    pub fn add(&mut self, bytes: u32) {
        self.bytes += u64::from(bytes);
        self.paused |= self.bytes >= u64::from(self.marks.high);
    }

    /// So many have left; true when more may be handed over again.
    ///
    /// # Panics
    /// If there are not as many.
    pub fn remove(&mut self, bytes: u32) -> bool {
        let left = self.bytes.checked_sub(u64::from(bytes));
        self.bytes = left.expect("no more bytes leave than were handed over");
        let reopens = self.paused && self.bytes <= u64::from(self.marks.low);
        self.paused &= !reopens;
        reopens
    }
}
