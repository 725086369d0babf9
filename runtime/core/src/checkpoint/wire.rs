//! Bytes of metadata files: little-endian numbers, counted text and lists, written and read.
//!
//! Reading trusts nothing: each read checks what is left, a list reserves no more memory than its
//! items could fill, and an error says where and what. Nothing here panics on any bytes.

use std::fmt;

use crate::graph::constants::ID_BYTES;

/// Appends to a body.
#[derive(Default, Debug)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn i64(&mut self, value: i64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn id(&mut self, id: &[u8; ID_BYTES]) {
        self.bytes.extend_from_slice(id);
    }

    pub(crate) fn count(&mut self, count: usize) {
        self.u32(u32::try_from(count).expect("fewer than 2^32 things in a list"));
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }
}

/// What is wrong, and where in the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fault {
    pub(crate) offset: u64,
    pub(crate) what: String,
}

/// Reads a body.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the body begins in its file.
    origin: u64,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], origin: u64) -> Reader<'a> {
        Reader { bytes, at: 0, origin }
    }

    pub(crate) fn offset(&self) -> u64 {
        self.origin + self.at as u64
    }

    pub(crate) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(crate) fn fault<T>(&self, what: impl fmt::Display) -> Result<T, Fault> {
        Err(Fault { offset: self.offset(), what: what.to_string() })
    }

    pub(crate) fn take(&mut self, len: usize, what: &str) -> Result<&'a [u8], Fault> {
        if self.left() < len {
            let left = self.left();
            return self.fault(format_args!("{what} needs {len} bytes, but {left} are left"));
        }
        let taken = &self.bytes[self.at..self.at + len];
        self.at += len;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], Fault> {
        let taken = self.take(N, what)?;
        Ok(taken.try_into().expect("so many were taken"))
    }

    pub(crate) fn u8(&mut self, what: &str) -> Result<u8, Fault> {
        self.array::<1>(what).map(|bytes| bytes[0])
    }

    pub(crate) fn u16(&mut self, what: &str) -> Result<u16, Fault> {
        self.array(what).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self, what: &str) -> Result<u32, Fault> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self, what: &str) -> Result<u64, Fault> {
        self.array(what).map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self, what: &str) -> Result<i64, Fault> {
        self.array(what).map(i64::from_le_bytes)
    }

    pub(crate) fn id(&mut self, what: &str) -> Result<[u8; ID_BYTES], Fault> {
        self.array(what)
    }

    pub(crate) fn bytes(&mut self, what: &str) -> Result<&'a [u8], Fault> {
        let len = self.u32(what)? as usize;
        self.take(len, what)
    }

    pub(crate) fn text(&mut self, what: &str) -> Result<String, Fault> {
        let begin = self.offset();
        match std::str::from_utf8(self.bytes(what)?) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => {
                Err(Fault { offset: begin, what: format!("{what} is no UTF-8: {error}") })
            }
        }
    }

    /// A list of items of at least `least` bytes each.
    pub(crate) fn list<T>(
        &mut self,
        what: &str,
        least: usize,
        mut item: impl FnMut(&mut Reader<'a>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        assert!(least > 0, "items without bytes could be counted without end");
        let count = self.u32(what)? as usize;
        if count > self.left() / least {
            let left = self.left();
            return self.fault(format_args!("{what}: {count} of them don't fit into {left} bytes"));
        }
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    pub(crate) fn end(&self, what: &str) -> Result<(), Fault> {
        match self.left() {
            0 => Ok(()),
            left => self.fault(format_args!("{left} bytes too many at the end of {what}")),
        }
    }
}
