//! The epoll backend, for systems that refuse io_uring.
//!
//! Files are never ready or unready for epoll, so a few threads do their transfers; what they
//! have done comes back over a channel, and the doorbell wakes the worker. epoll itself, through
//! mio, waits for the doorbell's eventfd, for a timerfd (epoll's own time limit counts in
//! milliseconds, which is too coarse) and for sockets. A look costs a system call while an operation
//! waits for a peer, and none otherwise.

mod file_pool;
mod sockets;

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use self::file_pool::FilePool;
use self::sockets::SocketTable;
use super::sockets::SocketOp;
use super::transfer::Transfer;
use super::{Completion, Doorbell, DriverError, DriverOptions};

const DOORBELL: Token = Token(0);
const TIMER: Token = Token(1);

/// Events that one wait takes in.
const EVENTS_MAX: usize = 256;

pub(crate) struct Epoll {
    poll: Poll,
    events: Events,
    timer: OwnedFd,
    timer_armed: bool,
    /// Started by the first transfer.
    pool: Option<FilePool>,
    pool_threads: u32,
    in_pool: usize,
    sockets: SocketTable,
}

impl Epoll {
    pub(crate) fn new(options: &DriverOptions, doorbell: &Doorbell) -> Result<Epoll, DriverError> {
        let setup = |step| move |source: io::Error| DriverError::Setup { step, source };
        let poll = Poll::new().map_err(setup("epoll_create"))?;
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)
            .map_err(|error| setup("timerfd_create")(error.into()))?;
        for (fd, token) in [(doorbell.wake_fd().as_raw_fd(), DOORBELL), (timer.as_raw_fd(), TIMER)]
        {
            poll.registry()
                .register(&mut SourceFd(&fd), token, Interest::READABLE)
                .map_err(setup("epoll_ctl"))?;
        }
        Ok(Epoll {
            poll,
            events: Events::with_capacity(EVENTS_MAX),
            timer,
            timer_armed: false,
            pool: None,
            pool_threads: options.file_threads,
            in_pool: 0,
            sockets: SocketTable::default(),
        })
    }

    pub(crate) fn start(&mut self, transfer: Transfer, doorbell: &Doorbell) {
        let threads = self.pool_threads;
        let pool = self.pool.get_or_insert_with(|| FilePool::start(threads, doorbell.clone()));
        pool.push(transfer);
        self.in_pool += 1;
    }

    pub(crate) fn start_socket(&mut self, operation: SocketOp) -> Result<(), Completion> {
        self.sockets.start(operation, self.poll.registry())
    }

    pub(crate) fn reap(&mut self, ready: &mut Vec<Completion>) {
        self.sockets.attempt(ready);
        if self.sockets.is_waiting() {
            self.wait(Some(Duration::ZERO));
            self.sockets.attempt(ready);
        }
        if self.in_pool == 0 {
            return;
        }
        let pool = self.pool.as_ref().expect("transfers are in a pool");
        while let Some(completion) = pool.take_done() {
            self.in_pool -= 1;
            ready.push(completion);
        }
    }

    /// Blocks until the doorbell's eventfd is written or the time is over. May return early.
    pub(crate) fn block(&mut self, timeout: Option<Duration>) {
        self.set_timer(timeout);
        self.wait(None);
    }

    /// Takes in what epoll has to say. The edges of doorbell and timer matter only to a worker that
    /// sleeps: a ringer writes only for one, and each sleep sets its timer anew.
    fn wait(&mut self, timeout: Option<Duration>) {
        match self.poll.poll(&mut self.events, timeout) {
            Ok(()) => self.events.iter().for_each(|event| self.sockets.note(event)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => panic!("epoll refused to wait: {error}"),
        }
    }

    fn set_timer(&mut self, timeout: Option<Duration>) {
        if timeout.is_none() && !self.timer_armed {
            return;
        }
        // Zero would disarm the timer instead of letting it expire now.
        let time = timeout.map_or(Duration::ZERO, |time| time.max(Duration::from_nanos(1)));
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        let value = Timespec::try_from(time).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
        let setting = Itimerspec { it_interval: zero, it_value: value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &setting)
            .expect("a timerfd takes any time that isn't negative");
        self.timer_armed = timeout.is_some();
    }
}

impl fmt::Debug for Epoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Epoll({} in the file pool)", self.in_pool)
    }
}
