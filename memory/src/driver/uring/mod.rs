#![expect(unsafe_code, reason = "submission entries carry raw pointers into buffers")]
//! The io_uring backend.
//!
//! Transfers become submission entries at once and are handed to the kernel together, by the next
//! poll or park. The doorbell's eventfd is watched by one multishot poll, whose edges end a
//! blocking wait; nobody ever has to read the eventfd.
//!
//! Invariants:
//! - A transfer that the kernel works on stays in `transfers`, with its buffer and its file, until
//!   the kernel's completion for it has been taken. Dropping the backend waits for all of them.
//! - At most `depth` transfers are in the kernel; further ones wait in `line`. Operations on sockets
//!   are not counted by it, since most of them wait for somebody else (see `sockets`). What finds
//!   the completion ring full the kernel keeps until it is asked for it.

mod registered;
mod setup;
mod sockets;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use io_uring::types::{CancelBuilder, Fd, FsyncFlags, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};

use self::registered::{RegisteredFiles, RegisteredMemory};
use self::sockets::{SOCKET, SocketSlots};
use super::sockets::SocketOp;
use super::transfer::{Step, Transfer, TransferKind};
use super::{Completion, Doorbell, DriverError, DriverOptions};

/// User data of the poll on the doorbell; transfers have their slot's number.
const DOORBELL: u64 = u64::MAX;

/// The most that one entry moves; the kernel itself stops just below 2 GiB.
const PART_MAX: usize = 1 << 30;

pub(crate) struct Uring {
    ring: IoUring,
    /// After the ring, so dropped after it.
    memory: RegisteredMemory,
    files: RegisteredFiles,
    /// By slot; the kernel holds pointers into these.
    transfers: Vec<Option<Transfer>>,
    /// The parts of a write of several, by slot; the kernel holds pointers into these too.
    vectors: Vec<Vec<libc::iovec>>,
    free_slots: Vec<u32>,
    /// Waiting for a slot.
    line: VecDeque<Transfer>,
    /// The poll on the doorbell is in the kernel, or pushed.
    doorbell_armed: bool,
    sockets: SocketSlots,
}

impl Uring {
    pub(crate) fn new(options: &DriverOptions, doorbell: &Doorbell) -> Result<Uring, DriverError> {
        let depth = options.depth;
        let ring = setup::ring(depth)?;
        let zero_copy = setup::sends_without_copy(&ring);
        let mut uring = Uring {
            memory: RegisteredMemory::new(&ring, options.arena.clone()),
            files: RegisteredFiles::new(&ring),
            ring,
            transfers: (0..depth).map(|_| None).collect(),
            vectors: (0..depth).map(|_| Vec::new()).collect(),
            free_slots: (0..depth).rev().collect(),
            line: VecDeque::new(),
            doorbell_armed: false,
            sockets: SocketSlots::new(zero_copy),
        };
        uring.arm_doorbell(doorbell);
        uring
            .enter()
            .map_err(|source| DriverError::UringRefused { step: "first submission", source })?;
        Ok(uring)
    }

    pub(crate) fn start(&mut self, transfer: Transfer) {
        match self.free_slots.pop() {
            Some(slot) => self.push_transfer(slot, transfer),
            None => self.line.push_back(transfer),
        }
    }

    /// Takes an operation, of which the kernel hears with the next submission.
    pub(crate) fn start_socket(&mut self, operation: SocketOp) {
        self.sockets.start(operation);
    }

    fn in_kernel(&self) -> usize {
        self.transfers.len() - self.free_slots.len() + self.sockets.in_kernel()
    }

    /// Pushes what sockets want, as far as there is room beside what transfers may need.
    fn push_sockets(&mut self) {
        let queue = self.ring.submission();
        let reserved = self.transfers.len() + setup::ENTRIES_BESIDE;
        let mut room = queue.capacity().saturating_sub(queue.len() + reserved);
        drop(queue);
        while room > 0
            && let Some(entry) = self.sockets.next_entry()
        {
            self.push(&entry);
            room -= 1;
        }
    }

    fn push_transfer(&mut self, slot: u32, mut transfer: Transfer) {
        let entry = self.entry_for(slot, &mut transfer).user_data(u64::from(slot));
        let place = &mut self.transfers[slot as usize];
        assert!(place.is_none(), "slot {slot} is in the kernel's hands");
        *place = Some(transfer);
        self.push(&entry);
    }

    /// The entry that asks for the rest of a transfer.
    fn entry_for(&mut self, slot: u32, transfer: &mut Transfer) -> squeue::Entry {
        let ring = self.ring.submitter();
        let (fd, flags) = match self.files.slot_of(&ring, &transfer.file) {
            Some(known) => (known as RawFd, squeue::Flags::FIXED_FILE),
            None => (transfer.file.raw_descriptor(), squeue::Flags::empty()),
        };
        let fd = Fd(fd);
        if transfer.kind == TransferKind::Sync {
            return opcode::Fsync::new(fd).flags(FsyncFlags::DATASYNC).build().flags(flags);
        }
        let offset = transfer.rest_offset();
        let entry = if transfer.is_several() {
            self.entry_for_several(slot, fd, transfer)
        } else if transfer.kind == TransferKind::Read {
            let rest = transfer.rest_mut().next().expect("a read that is whole is not continued");
            let (into, len) = (rest.as_mut_ptr(), part(rest.len()));
            match self.memory.number_of(&ring, into.addr()) {
                Some(number) => {
                    opcode::ReadFixed::new(fd, into, len, number).offset(offset).build()
                }
                None => opcode::Read::new(fd, into, len).offset(offset).build(),
            }
        } else {
            let rest = transfer.rest().next().expect("a write that is whole is not continued");
            let (from, len) = (rest.as_ptr(), part(rest.len()));
            match self.memory.number_of(&ring, from.addr()) {
                Some(number) => {
                    opcode::WriteFixed::new(fd, from, len, number).offset(offset).build()
                }
                None => opcode::Write::new(fd, from, len).offset(offset).build(),
            }
        };
        entry.flags(flags)
    }

    fn entry_for_several(&mut self, slot: u32, fd: Fd, transfer: &mut Transfer) -> squeue::Entry {
        let offset = transfer.rest_offset();
        let vectors = &mut self.vectors[slot as usize];
        vectors.clear();
        if transfer.kind == TransferKind::Read {
            vectors.extend(transfer.rest_mut().map(|rest| vector(rest.as_mut_ptr(), rest.len())));
            let (start, count) = (vectors.as_ptr(), part(vectors.len()));
            opcode::Readv::new(fd, start, count).offset(offset).build()
        } else {
            let of = |rest: &[u8]| vector(rest.as_ptr().cast_mut(), rest.len());
            vectors.extend(transfer.rest().map(of));
            let (start, count) = (vectors.as_ptr(), part(vectors.len()));
            opcode::Writev::new(fd, start, count).offset(offset).build()
        }
    }

    fn push(&mut self, entry: &squeue::Entry) {
        // SAFETY: pointers in the entry point into the buffers of a transfer in `transfers` or of an
        // operation in `sockets`, whose memory does not move with it, or to its vectors and message,
        // which are not touched before the slot is used again; or there are none. Both stay there
        // until their last completion is taken (`take`), and `drop` waits for that.
        let pushed = unsafe { self.ring.submission().push(entry) };
        pushed.expect("the submission ring has a place for every slot and the doorbell");
    }

    fn arm_doorbell(&mut self, doorbell: &Doorbell) {
        let fd = Fd(doorbell.wake_fd().as_raw_fd());
        let poll = opcode::PollAdd::new(fd, libc::POLLIN as u32).multi(true).build();
        self.push(&poll.user_data(DOORBELL));
        self.doorbell_armed = true;
    }

    /// Tells the kernel what was pushed and lets it do deferred work. That it can't take more just
    /// now is no error: the next poll asks again.
    fn enter(&mut self) -> io::Result<()> {
        match self.ring.submit() {
            Ok(_) => Ok(()),
            Err(error) if is_passing(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes what has ended. A system call only if there is something to submit, or the kernel has
    /// work for this thread.
    pub(crate) fn reap(&mut self, ready: &mut Vec<Completion>) {
        if self.in_kernel() == 0 && !self.sockets.is_waiting_for_room() {
            return;
        }
        self.push_sockets();
        let queue = self.ring.submission();
        let enter = !queue.is_empty() || queue.taskrun() || queue.cq_overflow();
        drop(queue);
        if enter {
            self.enter().unwrap_or_else(|error| panic!("io_uring refused a submission: {error}"));
        }
        self.drain(ready);
    }

    fn drain(&mut self, ready: &mut Vec<Completion>) {
        loop {
            let next = self.ring.completion().next();
            let Some(entry) = next else { return };
            self.take(&entry, ready);
        }
    }

    fn take(&mut self, entry: &cqueue::Entry, ready: &mut Vec<Completion>) {
        if entry.user_data() == DOORBELL {
            self.doorbell_armed = cqueue::more(entry.flags());
            return;
        }
        if entry.user_data() & SOCKET != 0 {
            self.sockets.take(entry, ready);
            return;
        }
        let slot = u32::try_from(entry.user_data()).expect("slots are 32 bits");
        let transfer =
            self.transfers[slot as usize].take().expect("the kernel answers each entry once");
        match transfer.answered(answer_of(entry.result())) {
            Step::Again(rest) => self.push_transfer(slot, rest),
            Step::Done(completion) => {
                ready.push(completion);
                match self.line.pop_front() {
                    Some(next) => self.push_transfer(slot, next),
                    None => self.free_slots.push(slot),
                }
            }
        }
    }

    /// Asks the kernel to end what waits for others, such as a read of an empty pipe. Transfers of
    /// disks end by themselves.
    fn cancel_all(&mut self) {
        // Makes room in the submission ring; what goes wrong shows in the wait that follows.
        let _ = self.enter();
        let cancel = opcode::AsyncCancel2::new(CancelBuilder::any()).build();
        // Its answer tells nothing that the poll on the doorbell, which ends too, doesn't.
        self.push(&cancel.user_data(DOORBELL));
    }

    /// Blocks until a transfer ends, the doorbell's eventfd is written, or the time is over. May
    /// return early.
    pub(crate) fn block(
        &mut self,
        timeout: Option<Duration>,
        doorbell: &Doorbell,
        ready: &mut Vec<Completion>,
    ) {
        if !self.doorbell_armed {
            self.arm_doorbell(doorbell);
        }
        self.push_sockets();
        if self.sockets.is_waiting_for_room() {
            // More than one submission takes: the next look goes on with it.
            return;
        }
        self.files.release_closed(&self.ring.submitter());
        let time = timeout.map(Timespec::from);
        let mut arguments = SubmitArgs::new();
        if let Some(time) = &time {
            arguments = arguments.timespec(time);
        }
        match self.ring.submitter().submit_with_args(1, &arguments) {
            Ok(_) => {}
            Err(error) if error.raw_os_error() == Some(libc::ETIME) || is_passing(&error) => {}
            Err(error) => panic!("io_uring refused to wait: {error}"),
        }
        self.drain(ready);
    }
}

/// Waits for the kernel to let go of every buffer.
impl Drop for Uring {
    fn drop(&mut self) {
        self.line.clear();
        self.sockets.clear_line();
        if self.in_kernel() > 0 {
            self.cancel_all();
        }
        let mut ended = Vec::new();
        while self.in_kernel() > 0 {
            if let Err(error) = self.ring.submit_and_wait(1)
                && !is_passing(&error)
            {
                tracing::error!(
                    "io_uring refused to end {} operations, their buffers are lost: {error}",
                    self.in_kernel()
                );
                std::mem::forget(std::mem::take(&mut self.transfers));
                std::mem::forget(std::mem::take(&mut self.vectors));
                self.sockets.forget();
                return;
            }
            self.drain(&mut ended);
            ended.clear();
            self.sockets.clear_line();
        }
    }
}

impl fmt::Debug for Uring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (in_kernel, line) = (self.in_kernel(), self.line.len());
        write!(f, "Uring({in_kernel} in the kernel, {line} in line)")
    }
}

fn vector(start: *mut u8, len: usize) -> libc::iovec {
    libc::iovec { iov_base: start.cast(), iov_len: len }
}

/// How much of a rest one entry asks for.
fn part(len: usize) -> u32 {
    u32::try_from(len.min(PART_MAX)).expect("a part fits")
}

fn answer_of(result: i32) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result))
}

/// The kernel was interrupted, or is short of memory or room for completions just now.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINTR | libc::EAGAIN | libc::EBUSY))
}
