//! Gzip: members one after another, each with a header, deflated data, a checksum and its length,
//! all checked by zlib. Zero bytes after a member are padding (tapes and some writers leave them).

use flate2::{Decompress, FlushDecompress, Status};

use super::InflateStep;

/// The largest window, which every member fits.
const WINDOW_BITS: u8 = 15;

#[derive(Debug)]
pub(super) struct GzipDecoder {
    state: State,
}

#[derive(Debug)]
enum State {
    /// Before the first member: a file without one is incomplete.
    Empty,
    InMember(Box<Decompress>),
    BetweenMembers,
}

impl GzipDecoder {
    pub(super) fn new() -> GzipDecoder {
        GzipDecoder { state: State::Empty }
    }

    pub(super) fn is_at_end(&self) -> bool {
        matches!(self.state, State::BetweenMembers)
    }

    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<InflateStep, String> {
        let padding = match self.state {
            State::BetweenMembers => input.iter().take_while(|b| **b == 0).count(),
            State::Empty | State::InMember(_) => 0,
        };
        let input = &input[padding..];
        if input.is_empty() && !matches!(self.state, State::InMember(_)) {
            return Ok(InflateStep { consumed: padding, produced: 0 });
        }
        let member = self.member();
        let (read, written) = (member.total_in(), member.total_out());
        let status = member
            .decompress(input, output, FlushDecompress::None)
            .map_err(|error| error.message().unwrap_or("not gzip data").to_owned())?;
        let step = InflateStep {
            consumed: padding + delta(member.total_in(), read),
            produced: delta(member.total_out(), written),
        };
        if status == Status::StreamEnd {
            self.state = State::BetweenMembers;
        }
        Ok(step)
    }

    /// The member that is being decoded, begun if there is none.
    fn member(&mut self) -> &mut Decompress {
        if !matches!(self.state, State::InMember(_)) {
            self.state = State::InMember(Box::new(Decompress::new_gzip(WINDOW_BITS)));
        }
        match &mut self.state {
            State::InMember(member) => member,
            State::Empty | State::BetweenMembers => unreachable!("a member was just begun"),
        }
    }
}

fn delta(now: u64, before: u64) -> usize {
    usize::try_from(now - before).expect("bounded by a slice")
}
