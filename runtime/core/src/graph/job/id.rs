//! The 16-byte ids of jobs, operators and vertices, written as 32 hex digits.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::graph::constants::ID_BYTES;

/// A text that should have been an id isn't 32 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an id: 32 hex digits are expected")]
pub struct IdFormError(pub String);

/// One id type: the bytes, and both directions of the text form.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; ID_BYTES]);

        impl $name {
            /// The id with these bytes.
            pub const fn from_bytes(bytes: [u8; ID_BYTES]) -> $name {
                $name(bytes)
            }

            /// The bytes, in the order in which they are written.
            pub const fn as_bytes(&self) -> &[u8; ID_BYTES] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = IdFormError;

            fn from_str(text: &str) -> Result<$name, IdFormError> {
                parse(text).map($name).ok_or_else(|| IdFormError(text.to_owned()))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

id! {
    /// Names a job.
    JobId
}

id! {
    /// Names an operator across runs: its state is found by it.
    OperatorId
}

id! {
    /// Names a vertex: the id of its chain's first operator.
    VertexId
}

impl From<OperatorId> for VertexId {
    fn from(head: OperatorId) -> VertexId {
        VertexId(head.0)
    }
}

fn parse(text: &str) -> Option<[u8; ID_BYTES]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * ID_BYTES {
        return None;
    }
    let mut bytes = [0; ID_BYTES];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).expect("two hex digits make a byte");
    }
    Some(bytes)
}
