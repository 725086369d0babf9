//! Ports to listen on: `50100,50200-50300`, where 0 asks the system for a free one.

use std::fmt;
use std::ops::RangeInclusive;

use super::{ConfigValue, Refused};

/// More spans than anybody writes; bounds what a hostile file can make us keep.
const SPANS_MAX: usize = 256;

/// One port, or an unbroken run of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortSpan {
    /// The first port.
    pub first: u16,
    /// The last port, not below the first.
    pub last: u16,
}

/// Ports to try in the order written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortRange(Vec<PortSpan>);

impl PortRange {
    /// The ports in the order they are to be tried; 0 stands for any free port.
    pub fn ports(&self) -> impl Iterator<Item = u16> + '_ {
        self.0.iter().flat_map(|span| RangeInclusive::new(span.first, span.last))
    }

    /// The spans as written.
    pub fn spans(&self) -> &[PortSpan] {
        &self.0
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, span) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            if span.first == span.last {
                write!(f, "{comma}{}", span.first)?;
            } else {
                write!(f, "{comma}{}-{}", span.first, span.last)?;
            }
        }
        Ok(())
    }
}

impl ConfigValue for PortRange {
    fn type_name() -> String {
        "PortRange".to_owned()
    }

    fn accepted() -> String {
        "a port from 0 to 65535, a range, or a list of both, such as 50100,50200-50300; 0 takes \
         any free port"
            .to_owned()
    }

    fn parse_value(text: &str) -> Result<PortRange, Refused> {
        let mut spans = Vec::new();
        for part in text.split(',') {
            if spans.len() == SPANS_MAX {
                return Err(Refused::because(format!("it has more than {SPANS_MAX} parts")));
            }
            let span = match part.split_once('-') {
                None => {
                    let only = port(part)?;
                    PortSpan { first: only, last: only }
                }
                Some((first, last)) => PortSpan { first: port(first)?, last: port(last)? },
            };
            if span.first > span.last {
                return Err(Refused::because(format!(
                    "the range '{}' runs backwards",
                    part.trim()
                )));
            }
            if span.first == 0 && span.last > 0 {
                return Err(Refused::because(
                    "0 stands for any free port and cannot begin a range",
                ));
            }
            spans.push(span);
        }
        Ok(PortRange(spans))
    }
}

fn port(text: &str) -> Result<u16, Refused> {
    let text = text.trim();
    text.parse().map_err(|_| Refused::because(format!("'{text}' is not a port")))
}
