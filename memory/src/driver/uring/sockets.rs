//! The socket operations of the io_uring backend.
//!
//! Receives and sends are entries of their own kind: a receive into its range of a segment, a send as
//! a vectored message, which the kernel continues until it is whole. Connections are waited for by a
//! poll and then made or accepted by the call that the epoll backend uses too: they are rare, and
//! one way of making them is enough.
//!
//! Operations on sockets may wait for hours, so they have slots beside those of transfers, as many
//! as there are: the sockets' directions bound them. What finds the submission ring full waits in
//! `line` for the next submission.
//!
//! Zero-copy sends are answered twice, by the result and when the kernel lets go of the memory; the
//! completion comes with the second.

use std::collections::VecDeque;
use std::io;

use io_uring::types::Fd;
use io_uring::{cqueue, opcode, squeue};

use super::{answer_of, part, vector};
use crate::driver::Completion;
use crate::driver::sockets::{SocketOp, SocketStep, Work};

/// User data of a socket operation: this and its slot's number.
pub(super) const SOCKET: u64 = 1 << 32;

/// A send is whole in one answer, and a peer that is gone raises no signal.
const SEND_FLAGS: libc::c_int = libc::MSG_WAITALL | libc::MSG_NOSIGNAL;

#[derive(Default)]
pub(super) struct SocketSlots {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Slots whose entry is to be pushed.
    line: VecDeque<u32>,
    /// Slots whose entry the kernel has.
    in_kernel: usize,
    zero_copy: bool,
}

struct Slot {
    operation: Option<SocketOp>,
    /// What the entry points to, at an address of its own.
    message: Box<Message>,
    /// The result of a zero-copy send whose memory the kernel still uses.
    answer: Option<io::Result<usize>>,
}

struct Message {
    header: libc::msghdr,
    vectors: Vec<libc::iovec>,
}

impl Message {
    fn empty() -> Message {
        let header = libc::msghdr {
            msg_name: std::ptr::null_mut(),
            msg_namelen: 0,
            msg_iov: std::ptr::null_mut(),
            msg_iovlen: 0,
            msg_control: std::ptr::null_mut(),
            msg_controllen: 0,
            msg_flags: 0,
        };
        Message { header, vectors: Vec::new() }
    }

    /// Points to what is left to send.
    fn point_to_rest(&mut self, operation: &SocketOp) -> *const libc::msghdr {
        let of = |piece: &[u8]| vector(piece.as_ptr().cast_mut(), piece.len());
        self.point_to(operation.rest().map(of))
    }

    /// Points to where a receive puts its bytes.
    fn point_to_rooms(&mut self, operation: &mut SocketOp) -> *mut libc::msghdr {
        let of = |room: &mut [u8]| vector(room.as_mut_ptr(), room.len());
        self.point_to(operation.rooms().map(of))
    }

    fn point_to(&mut self, vectors: impl Iterator<Item = libc::iovec>) -> *mut libc::msghdr {
        self.vectors.clear();
        self.vectors.extend(vectors);
        self.header.msg_iov = self.vectors.as_mut_ptr();
        self.header.msg_iovlen = self.vectors.len();
        &raw mut self.header
    }
}

impl SocketSlots {
    /// With the zero-copy send, if the kernel has it.
    pub(super) fn new(zero_copy: bool) -> SocketSlots {
        SocketSlots { zero_copy, ..SocketSlots::default() }
    }

    pub(super) fn in_kernel(&self) -> usize {
        self.in_kernel
    }

    pub(super) fn start(&mut self, operation: SocketOp) {
        let slot = self.free.pop().unwrap_or_else(|| {
            let message = Box::new(Message::empty());
            self.slots.push(Slot { operation: None, message, answer: None });
            u32::try_from(self.slots.len() - 1).expect("descriptors are 31 bits")
        });
        let place = &mut self.slots[slot as usize];
        assert!(place.operation.is_none(), "slot {slot} is in the kernel's hands");
        place.operation = Some(operation);
        self.line.push_back(slot);
    }

    /// The next entry to push. Who takes it pushes it.
    pub(super) fn next_entry(&mut self) -> Option<squeue::Entry> {
        let slot = self.line.pop_front()?;
        let Slot { operation, message, .. } = &mut self.slots[slot as usize];
        let operation = operation.as_mut().expect("who is in line has an operation");
        let fd = Fd(operation.socket().raw_descriptor());
        let entry = match &operation.work {
            Work::Accept => opcode::PollAdd::new(fd, libc::POLLIN as u32).build(),
            Work::Connect => opcode::PollAdd::new(fd, libc::POLLOUT as u32).build(),
            Work::Receive { .. } => {
                let into = operation.rooms().next().expect("a receive has room");
                let (start, len) = (into.as_mut_ptr(), part(into.len()));
                opcode::Recv::new(fd, start, len).build()
            }
            Work::ReceiveSeveral { .. } => {
                opcode::RecvMsg::new(fd, message.point_to_rooms(operation)).build()
            }
            Work::Send { .. } => {
                let zero_copy = self.zero_copy && operation.socket().options().zero_copy_send;
                let header = message.point_to_rest(operation);
                if zero_copy {
                    opcode::SendMsgZc::new(fd, header).flags(SEND_FLAGS.cast_unsigned()).build()
                } else {
                    opcode::SendMsg::new(fd, header).flags(SEND_FLAGS.cast_unsigned()).build()
                }
            }
        };
        self.in_kernel += 1;
        Some(entry.user_data(SOCKET | u64::from(slot)))
    }

    pub(super) fn is_waiting_for_room(&self) -> bool {
        !self.line.is_empty()
    }

    /// Takes in an answer of the kernel.
    pub(super) fn take(&mut self, entry: &cqueue::Entry, ready: &mut Vec<Completion>) {
        let slot = u32::try_from(entry.user_data() & (SOCKET - 1)).expect("slots are 32 bits");
        let place = &mut self.slots[slot as usize];
        if cqueue::more(entry.flags()) {
            place.answer = Some(answer_of(entry.result()));
            return;
        }
        self.in_kernel -= 1;
        let answer = match place.answer.take() {
            Some(answer) => answer,
            None => answer_of(entry.result()),
        };
        let operation = place.operation.take().expect("the kernel answers each entry once");
        let step = match &operation.work {
            Work::Accept | Work::Connect => operation.attempt(),
            _ => operation.answered(answer),
        };
        match step {
            SocketStep::Again(rest) | SocketStep::Blocked(rest) => {
                place.operation = Some(rest);
                self.line.push_back(slot);
            }
            SocketStep::Done(completion) => {
                self.free.push(slot);
                ready.push(completion);
            }
        }
    }

    /// Drops what the kernel hasn't heard of.
    pub(super) fn clear_line(&mut self) {
        while let Some(slot) = self.line.pop_front() {
            self.slots[slot as usize].operation = None;
            self.free.push(slot);
        }
    }

    /// Loses whatever the kernel has, since it won't say when it is done with it.
    pub(super) fn forget(&mut self) {
        std::mem::forget(std::mem::take(&mut self.slots));
    }
}
