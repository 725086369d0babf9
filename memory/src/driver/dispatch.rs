//! [`Driver`]: what all backends share, and the choice of one.

use std::marker::PhantomData;
use std::rc::Rc;
use std::time::Duration;

use super::clock::instant::{simulated_wall_millis, wall_millis};
use super::clock::{Deadlines, Timers};
use super::epoll::Epoll;
use super::simulated::Simulated;
use super::sockets::{Ending, SocketOp};
use super::transfer::Transfer;
use super::uring::Uring;
use super::{
    CloseKind, Completion, ConnectOptions, Doorbell, DriverError, DriverKind, DriverOptions, Files,
    Instant64, Operation, OperationId, Sockets,
};

/// Most operations in the kernel at a time that a driver can be made for.
const DEPTH_MAX: u32 = 4096;

/// A time this near is waited for awake. To set the clock of a machine, to be woken by it and to go on
/// takes about as long, and as much of the CPU: on a virtual machine 25 us, so that records that were
/// due 20 us apart came 27 us late at the median, and come 1 us late now.
const NEAR: Duration = Duration::from_micros(25);

/// Looks at the clock once in so many looks at the doorbell while spinning.
const SPINS_PER_CLOCK: u32 = 16;

/// The I/O driver of one worker thread. See the module's page.
#[derive(Debug)]
pub struct Driver {
    backend: Backend,
    doorbell: Doorbell,
    files: Files,
    sockets: Sockets,
    timers: Timers,
    deadlines: Deadlines,
    /// Ended, not yet handed out.
    ready: Vec<Completion>,
    /// Submitted, not yet handed out: transfers, what waits for peers, timers and what is in `ready`.
    outstanding: usize,
    next_id: u64,
    spin: Duration,
    /// The kernel ties a ring to the thread that made it.
    not_send: PhantomData<Rc<()>>,
}

#[derive(Debug)]
enum Backend {
    Uring(Uring),
    Epoll(Epoll),
    Simulated(Simulated),
}

impl Driver {
    /// Makes a driver for the calling thread.
    ///
    /// # Errors
    /// When io_uring was asked for and is refused, or the system has no descriptors left.
    ///
    /// # Panics
    /// When the depth or the number of file threads is out of its bounds.
    pub fn new(options: DriverOptions) -> Result<Driver, DriverError> {
        assert!(
            (1..=DEPTH_MAX).contains(&options.depth),
            "a driver's depth is 1 to {DEPTH_MAX}, not {}",
            options.depth
        );
        assert!(options.file_threads >= 1, "without a thread no file operation would end");
        let (doorbell, files, sockets) = match &options.kind {
            DriverKind::Simulated(world) => {
                let (files, sockets) = (Files::simulated(world.clone()), world.clone());
                (Doorbell::of_simulation(), files, Sockets::simulated(sockets))
            }
            _ => (Doorbell::with_eventfd()?, Files::system(), Sockets::system()),
        };
        let backend = Backend::choose(&options, &doorbell)?;
        Ok(Driver {
            backend,
            doorbell,
            files,
            sockets,
            timers: Timers::default(),
            deadlines: Deadlines::default(),
            ready: Vec::new(),
            outstanding: 0,
            next_id: 0,
            spin: options.spin,
            not_send: PhantomData,
        })
    }

    /// The backend in use: "uring", "epoll" or "simulated".
    pub fn backend_name(&self) -> &'static str {
        match &self.backend {
            Backend::Uring(_) => "uring",
            Backend::Epoll(_) => "epoll",
            Backend::Simulated(_) => "simulated",
        }
    }

    /// The driver's clock.
    #[inline]
    pub fn now(&self) -> Instant64 {
        match &self.backend {
            Backend::Uring(_) | Backend::Epoll(_) => Instant64::monotonic(),
            Backend::Simulated(simulated) => simulated.now(),
        }
    }

    /// Milliseconds since 1970 by the wall clock, for whatever has to agree with calendars and with
    /// other machines. It may jump, also backwards; waits go by [`Driver::now`].
    pub fn wall_millis(&self) -> i64 {
        match &self.backend {
            Backend::Uring(_) | Backend::Epoll(_) => wall_millis(),
            Backend::Simulated(simulated) => simulated_wall_millis(simulated.now()),
        }
    }

    /// Whether the worker sleeps: the one who steps a simulation leaves it alone until it is woken.
    pub fn is_parked(&self) -> bool {
        self.doorbell.bell().is_parked()
    }

    /// What others wake this driver's worker with.
    pub fn doorbell(&self) -> Doorbell {
        self.doorbell.clone()
    }

    /// The files that this driver's operations work on.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// The network that this driver's sockets are made in.
    pub fn sockets(&self) -> &Sockets {
        &self.sockets
    }

    /// Operations submitted whose completions were not handed out yet, timers included.
    pub fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// Begins an operation. The system is told at the next `poll` or `park`, many at once.
    ///
    /// # Panics
    /// When the length exceeds the buffer, or a shared buffer is to be read into; when a socket has an
    /// operation of the same direction already.
    pub fn submit(&mut self, operation: Operation) -> OperationId {
        let id = OperationId(self.next_id);
        self.next_id += 1;
        self.outstanding += 1;
        if let Backend::Simulated(simulated) = &self.backend {
            simulated.stir();
        }
        match operation {
            Operation::Timer { at } => self.timers.add(at, id),
            Operation::Accept { listener } => self.start(SocketOp::accept(id, &listener)),
            Operation::Connect { options } => self.connect(id, &options),
            Operation::Receive { socket, buffer, range } => {
                self.start(SocketOp::receive(id, &socket, buffer, range));
            }
            Operation::ReceiveSeveral { socket, parts } => {
                self.start(SocketOp::receive_several(id, &socket, parts));
            }
            Operation::Send { socket, gather } => {
                self.start(SocketOp::send(id, &socket, gather));
            }
            Operation::Shutdown { socket } => {
                self.ready.push(Completion::of(id, socket.shutdown().map(|()| 0)));
            }
            Operation::Close { socket, how } => {
                socket.give_up(Ending::Closed, how);
                self.ready.push(Completion::of(id, Ok(0)));
            }
            Operation::CloseListener { listener } => {
                listener.0.give_up(Ending::Closed, CloseKind::Graceful);
                self.ready.push(Completion::of(id, Ok(0)));
            }
            of_file => self.transfer(Transfer::of(id, of_file)),
        }
        id
    }

    fn transfer(&mut self, transfer: Transfer) {
        if transfer.moves_nothing() {
            self.ready.push(transfer.moved_nothing());
            return;
        }
        match transfer.file.check_poison() {
            Err(poisoned) => self.ready.push(transfer.failed(poisoned)),
            Ok(()) => match &mut self.backend {
                Backend::Uring(uring) => uring.start(transfer),
                Backend::Epoll(epoll) => epoll.start(transfer, &self.doorbell),
                Backend::Simulated(simulated) => simulated.start(transfer),
            },
        }
    }

    fn connect(&mut self, id: OperationId, options: &ConnectOptions) {
        match self.sockets.connect(options) {
            Ok(socket) => {
                self.deadlines.add(self.now(), id, socket.clone(), options.timeout);
                self.start(SocketOp::connect(id, &socket));
            }
            Err(error) => self.ready.push(Completion::of(id, Err(error))),
        }
    }

    fn start(&mut self, operation: SocketOp) {
        if operation.socket().is_closed() {
            self.ready.push(operation.refused());
            return;
        }
        match &mut self.backend {
            Backend::Uring(uring) => uring.start_socket(operation),
            Backend::Epoll(epoll) => match epoll.start_socket(operation) {
                Ok(()) => {}
                Err(completion) => self.ready.push(completion),
            },
            Backend::Simulated(simulated) => simulated.start_socket(operation),
        }
    }

    /// Moves what has ended to the end of `out` and returns how many. Never blocks; costs a load
    /// and no system call when nothing is outstanding.
    #[inline]
    pub fn poll(&mut self, out: &mut Vec<Completion>) -> usize {
        if self.outstanding == 0 {
            return 0;
        }
        self.poll_outstanding(out)
    }

    fn poll_outstanding(&mut self, out: &mut Vec<Completion>) -> usize {
        match &mut self.backend {
            Backend::Uring(uring) => uring.reap(&mut self.ready),
            Backend::Epoll(epoll) => epoll.reap(&mut self.ready),
            Backend::Simulated(simulated) => simulated.reap(&mut self.ready),
        }
        if !self.timers.is_empty() {
            self.timers.expire(self.now(), &mut self.ready);
        }
        if !self.deadlines.is_empty() {
            self.keep_deadlines();
        }
        let ended = self.ready.len();
        assert!(ended <= self.outstanding, "{ended} ended, {} outstanding", self.outstanding);
        self.outstanding -= ended;
        out.append(&mut self.ready);
        ended
    }

    /// Gives up the connections that took too long, whose operations end by that.
    #[cold]
    fn keep_deadlines(&mut self) {
        for completion in &self.ready {
            self.deadlines.withdraw(completion.id);
        }
        let now = self.now();
        while let Some((socket, after)) = self.deadlines.expired(now) {
            socket.give_up(Ending::TimedOut(after), CloseKind::Graceful);
        }
    }

    /// Sleeps until an operation ends, the doorbell rings, or the clock reaches `until`, and moves
    /// what has ended to the end of `out`. Spins for a moment, then blocks without using the CPU.
    ///
    /// May return early with nothing: the first call after a ring always does, so that the caller
    /// looks once more at every queue that others fill. Call it in a loop that does.
    pub fn park(&mut self, until: Option<Instant64>, out: &mut Vec<Completion>) {
        if self.poll(out) > 0 {
            return;
        }
        let times = [until, self.timers.next(), self.deadlines.next()];
        let deadline = times.into_iter().flatten().min();
        if let Backend::Simulated(simulated) = &mut self.backend {
            simulated.park(deadline);
            self.poll(out);
            return;
        }
        if !self.doorbell.bell().announce() {
            return;
        }
        let start = self.now();
        if deadline.is_some_and(|deadline| deadline <= start) {
            return;
        }
        if self.spin_until(start, deadline, out) || !self.doorbell.bell().try_park() {
            return;
        }
        let timeout = deadline.map(|deadline| deadline.saturating_since(self.now()));
        match &mut self.backend {
            Backend::Uring(uring) => uring.block(timeout, &self.doorbell, &mut self.ready),
            Backend::Epoll(epoll) => epoll.block(timeout),
            Backend::Simulated(_) => unreachable!("a simulation doesn't block"),
        }
        self.doorbell.bell().unpark();
        self.poll(out);
    }

    /// True when something came up that ends the parking.
    fn spin_until(
        &mut self,
        start: Instant64,
        deadline: Option<Instant64>,
        out: &mut Vec<Completion>,
    ) -> bool {
        // Who has no core to itself does not spin at all.
        let longest = if self.spin.is_zero() { Duration::ZERO } else { NEAR };
        let end = match deadline {
            Some(deadline) if deadline <= start + longest => deadline,
            _ => start + self.spin,
        };
        while self.now() < end {
            for _ in 0..SPINS_PER_CLOCK {
                if self.doorbell.bell().was_rung() {
                    return true;
                }
                std::hint::spin_loop();
            }
            if self.poll(out) > 0 {
                return true;
            }
        }
        deadline.is_some_and(|deadline| deadline <= end)
    }
}

impl Backend {
    fn choose(options: &DriverOptions, doorbell: &Doorbell) -> Result<Backend, DriverError> {
        match &options.kind {
            DriverKind::Uring => Ok(Backend::Uring(Uring::new(options, doorbell)?)),
            DriverKind::Epoll => Ok(Backend::Epoll(Epoll::new(options, doorbell)?)),
            DriverKind::Simulated(world) => {
                Ok(Backend::Simulated(Simulated::new(world.clone(), doorbell)))
            }
            DriverKind::Auto => match Uring::new(options, doorbell) {
                Ok(uring) => Ok(Backend::Uring(uring)),
                Err(refused) => {
                    note_fallback(&refused);
                    Ok(Backend::Epoll(Epoll::new(options, doorbell)?))
                }
            },
        }
    }
}

/// One note a process: every worker gets the same answer.
fn note_fallback(refused: &DriverError) {
    static NOTED: std::sync::Once = std::sync::Once::new();
    NOTED.call_once(|| tracing::info!("using the epoll driver: {refused}"));
}
