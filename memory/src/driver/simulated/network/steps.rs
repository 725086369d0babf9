//! What happens in the network: operations that begin, packets that arrive, ends that end.

use std::io;
use std::time::Duration;

use super::end::{End, EndId, State, StreamEnd, Waiting};
use super::link::retransmission;
use super::state::{Cx, Event, Network};
use super::{NetworkFaults, SimulatedSocket};
use crate::driver::simulated::world::{DriverIndex, MachineIndex};
use crate::driver::sockets::{Direction, Socket, SocketOp, SocketStep, Source, Work};
use crate::driver::{CloseKind, Completion};

/// The most bytes of a packet.
const PACKET_MAX: usize = 16 * 1024;

/// The most bytes of a torn packet.
const TORN_MAX: u64 = 8;

/// An attempt to connect that was lost is repeated after this.
const KNOCK_AGAIN: Duration = Duration::from_secs(1);

/// Connections that wait to be accepted.
const LINE_MAX: usize = 4096;

/// What Linux takes by default to give up a connection whose peer acknowledges nothing.
const USER_TIMEOUT: Duration = Duration::from_millis(924_600);

const SLOW_MIN: Duration = Duration::from_millis(1);
const SLOW_MAX: Duration = Duration::from_millis(100);

impl Network {
    pub(super) fn step(&mut self, cx: &mut Cx<'_>, event: Event) {
        match event {
            Event::Knock(id) => self.knock(cx, id),
            Event::Connected(id) => {
                if let Some(end) = self.stream(id).filter(|end| end.state == State::Connecting) {
                    end.state = State::Open;
                    self.progress_out(cx, id);
                }
            }
            Event::Refused(id) => self.fail(cx, id, libc::ECONNREFUSED),
            Event::Arrive(id) => self.arrive(cx, id),
            Event::Reset(id) => {
                if let Some((here, there)) = self.machines(id)
                    && !self.link(there, here).is_cut()
                {
                    self.fail(cx, id, libc::ECONNRESET);
                }
            }
            Event::GiveUp(id) => self.give_up(cx, id),
            Event::KeepAlive { id, since } => {
                let Some((here, there)) = self.machines(id) else { return };
                let ways = [self.link(here, there).cut_since, self.link(there, here).cut_since];
                if ways.into_iter().flatten().any(|cut| cut <= since) {
                    self.fail(cx, id, libc::ETIMEDOUT);
                }
            }
            Event::Probe(id) => self.probe(cx, id),
        }
    }

    /// An end asks whether its peer still knows it.
    fn probe(&mut self, cx: &mut Cx<'_>, id: EndId) {
        let Some((here, there)) = self.machines(id) else { return };
        let peer = self.stream(id).and_then(|end| end.peer);
        let forgotten = match peer.and_then(|peer| self.stream(peer)) {
            None => true,
            Some(peer) => matches!(peer.state, State::Failed { .. }),
        };
        if forgotten {
            let heard = !self.link(here, there).is_cut() && !self.link(there, here).is_cut();
            self.fail(cx, id, if heard { libc::ECONNRESET } else { libc::ETIMEDOUT });
        }
    }

    fn machines(&mut self, id: EndId) -> Option<(MachineIndex, MachineIndex)> {
        self.stream(id).map(|end| (end.machine, end.peer_machine))
    }

    /// A driver begins an operation on an end.
    pub(in crate::driver::simulated) fn start(
        &mut self,
        cx: &mut Cx<'_>,
        driver: DriverIndex,
        operation: SocketOp,
    ) {
        let id = operation.socket().simulated().id();
        let waiting = Waiting { driver, operation };
        match self.ends.get_mut(&id) {
            None => {
                let gone = waiting.operation.failed(io::Error::from_raw_os_error(libc::ENOTCONN));
                self.finish(cx, driver, gone);
            }
            Some(End::Listener(listener)) => {
                listener.accept = Some(waiting);
                self.progress_accept(cx, id);
            }
            Some(End::Stream(end)) if waiting.operation.direction() == Direction::In => {
                end.receive = Some(waiting);
                self.progress_in(cx, id);
            }
            Some(End::Stream(end)) => {
                end.send = Some(waiting);
                self.progress_out(cx, id);
            }
        }
    }

    fn knock(&mut self, cx: &mut Cx<'_>, id: EndId) {
        let Some(end) = self.stream(id).filter(|end| end.state == State::Connecting) else {
            return;
        };
        let (here, there) = (end.machine, end.peer_machine);
        let (local, port) = (end.local, end.peer_address.port());
        let found = self.listeners.get(&(there.0, port)).copied();
        let full = match found.and_then(|id| self.ends.get(&id)) {
            Some(End::Listener(listener)) => listener.line.len() >= LINE_MAX,
            _ => false,
        };
        if full || self.link(here, there).is_cut() || self.link(there, here).is_cut() {
            self.schedule(cx.now + KNOCK_AGAIN, Event::Knock(id));
            return;
        }
        let Some(listener) = found else {
            self.schedule_over(cx, (there, here), Event::Refused(id));
            return;
        };
        let Some(End::Listener(accepting)) = self.ends.get(&listener) else { return };
        let options = accepting.options;
        let reached = self.stream(id).expect("it knocks").peer_address;
        let mut other = StreamEnd::new((there, here), (reached, local), options, State::Open);
        other.peer = Some(id);
        let other = self.add(End::Stream(other));
        self.stream(id).expect("it knocks").peer = Some(other);
        if let Some(End::Listener(accepting)) = self.ends.get_mut(&listener) {
            accepting.line.push_back(other);
        }
        self.schedule_over(cx, (there, here), Event::Connected(id));
        self.progress_accept(cx, listener);
    }

    fn progress_accept(&mut self, cx: &mut Cx<'_>, id: EndId) {
        let dropped = self.dropped();
        let Some(End::Listener(listener)) = self.ends.get_mut(&id) else { return };
        if listener.accept.is_none() || listener.line.is_empty() {
            return;
        }
        let Waiting { driver, operation } = listener.accept.take().expect("looked at above");
        let accepted = listener.line.pop_front().expect("looked at above");
        let options = listener.options;
        let end = self.stream(accepted).expect("an end waits until it is accepted");
        let (local, peer) = (end.local, end.peer_address);
        let world = operation.socket().simulated().world.clone();
        let source = SimulatedSocket { world, id: accepted, dropped };
        let socket = Socket::new(Source::Simulated(source), peer, options);
        socket.set_local(local);
        let completion = ended(operation.done(socket));
        self.finish(cx, driver, completion);
    }

    /// Lets a connect or send go on as far as it can.
    pub(super) fn progress_out(&mut self, cx: &mut Cx<'_>, id: EndId) {
        loop {
            let Some(end) = self.stream(id) else { return };
            let Some(Waiting { driver, operation }) = end.send.take() else { return };
            let connects = matches!(operation.work, Work::Connect);
            let completion = match end.state {
                State::Connecting => {
                    end.send = Some(Waiting { driver, operation });
                    return;
                }
                State::Closed => operation.refused(),
                State::Failed { errno, told } => {
                    end.state = State::Failed { errno, told: true };
                    let errno = if told { libc::EPIPE } else { errno };
                    operation.failed(io::Error::from_raw_os_error(errno))
                }
                State::Open if connects => {
                    let socket = operation.socket().clone();
                    socket.set_local(end.local);
                    ended(operation.done(socket))
                }
                State::Open if end.outgoing.ended => {
                    operation.failed(io::Error::from_raw_os_error(libc::EPIPE))
                }
                State::Open => match self.send_packet(cx, id, operation) {
                    SocketStep::Done(completion) => completion,
                    SocketStep::Again(operation) => {
                        self.put_back(id, Waiting { driver, operation });
                        continue;
                    }
                    SocketStep::Blocked(operation) => {
                        self.put_back(id, Waiting { driver, operation });
                        return;
                    }
                },
            };
            self.finish(cx, driver, completion);
            return;
        }
    }

    fn put_back(&mut self, id: EndId, waiting: Waiting) {
        self.stream(id).expect("it sends").send = Some(waiting);
    }

    /// Sends what fits into one packet.
    fn send_packet(&mut self, cx: &mut Cx<'_>, id: EndId, operation: SocketOp) -> SocketStep {
        let NetworkFaults { torn_send, stall, reset, .. } = self.faults;
        let end = self.stream(id).expect("it sends");
        let (here, there, peer) = (end.machine, end.peer_machine, end.peer);
        let flying = end.outgoing.bytes();
        let peer_end = peer.and_then(|peer| self.ends.get(&peer)).and_then(|end| match end {
            End::Stream(stream) => Some(stream),
            End::Listener(_) => None,
        });
        let unread = peer_end.map_or(0, |peer| peer.inbox.len());
        let Some(End::Stream(end)) = self.ends.get(&id) else { panic!("it sends") };
        let room = end.window(peer_end).saturating_sub(flying + unread).min(PACKET_MAX);
        if room == 0 {
            return SocketStep::Blocked(operation);
        }
        let mut size = room;
        if cx.random.chance(torn_send) {
            size = size.min(1 + cx.random.below(TORN_MAX) as usize);
        }
        let bytes: Vec<u8> = operation.rest().flatten().take(size).copied().collect();
        let count = bytes.len();
        let mut due = self.link(here, there).arrival(cx.now, count, cx.random);
        if cx.random.chance(stall) {
            due = due + retransmission(cx.random);
        }
        let breaks = cx.random.chance(reset);
        self.push_packet(cx, id, (due, bytes));
        if breaks {
            self.schedule(cx.now, Event::Reset(id));
            if let Some(peer) = peer {
                self.schedule_over(cx, (here, there), Event::Reset(peer));
            }
        }
        operation.answered(Ok(count))
    }

    fn push_packet(
        &mut self,
        cx: &mut Cx<'_>,
        id: EndId,
        (due, bytes): (crate::driver::Instant64, Vec<u8>),
    ) {
        let outgoing = &mut self.stream(id).expect("it sends").outgoing;
        outgoing.push(cx.now, due, bytes);
        if !outgoing.scheduled && !outgoing.blocked {
            outgoing.scheduled = true;
            let first = outgoing.first().expect("pushed a moment ago").due;
            self.schedule(first.max(cx.now), Event::Arrive(id));
        }
    }

    /// Lets a receive have what is there.
    fn progress_in(&mut self, cx: &mut Cx<'_>, id: EndId) {
        let NetworkFaults { torn_receive, slow_receive, .. } = self.faults;
        let Some(end) = self.stream(id) else { return };
        let Some(Waiting { driver, mut operation }) = end.receive.take() else { return };
        if end.inbox.is_empty() {
            let completion = match end.state {
                State::Closed => operation.refused(),
                State::Failed { errno, .. } => {
                    end.state = State::Failed { errno, told: true };
                    operation.failed(io::Error::from_raw_os_error(errno))
                }
                State::Open if end.inbox_ends => ended(operation.answered(Ok(0))),
                State::Open | State::Connecting => {
                    end.receive = Some(Waiting { driver, operation });
                    return;
                }
            };
            self.finish(cx, driver, completion);
            return;
        }
        let room = operation.room().expect("only receives wait here");
        let mut count = room.min(end.inbox.len());
        if cx.random.chance(torn_receive) {
            count = 1 + cx.random.below(count as u64) as usize;
        }
        let places = operation.rooms().flatten();
        for (place, byte) in places.zip(end.inbox.drain(..count)) {
            *place = byte;
        }
        let peer = end.peer;
        let completion = ended(operation.answered(Ok(count)));
        self.finish(cx, driver, completion);
        if cx.random.chance(slow_receive) {
            let late = cx.random.between(SLOW_MIN, SLOW_MAX);
            let (at, ..) = self.ended.last_mut().expect("pushed a moment ago");
            *at = *at + late;
        }
        if let Some(peer) = peer {
            self.progress_out(cx, peer);
        }
    }

    /// The first packet of an end reaches its peer.
    fn arrive(&mut self, cx: &mut Cx<'_>, id: EndId) {
        let Some((here, there)) = self.machines(id) else { return };
        let (cut, deaf) = (self.link(here, there).is_cut(), self.link(there, here).is_cut());
        let Some(end) = self.stream(id) else { return };
        end.outgoing.scheduled = false;
        if cut {
            end.outgoing.blocked = end.outgoing.first().is_some();
            self.expect_time_out(cx, id);
            return;
        }
        let Some(packet) = end.outgoing.pop() else { return };
        if deaf {
            end.outgoing.unheard = true;
        } else {
            end.outgoing.acknowledged();
        }
        let peer = end.peer;
        if let Some(next) = end.outgoing.first().map(|next| next.due) {
            end.outgoing.scheduled = true;
            self.schedule(next.max(cx.now), Event::Arrive(id));
        }
        if deaf {
            self.expect_time_out(cx, id);
        }
        let takes = peer.and_then(|peer| self.stream(peer)).filter(|peer| {
            matches!(peer.state, State::Open | State::Connecting) && !peer.inbox_ends
        });
        match takes {
            Some(taker) if packet.bytes.is_empty() => taker.inbox_ends = true,
            Some(taker) => taker.inbox.extend(packet.bytes),
            // There is nobody who knows this connection.
            None if packet.bytes.is_empty() => {}
            None => self.schedule_over(cx, (there, here), Event::Reset(id)),
        }
        if let Some(peer) = peer {
            self.progress_in(cx, peer);
        }
        self.remove_if_over(id);
    }

    /// What an end sent is not acknowledged: it fails one day.
    fn expect_time_out(&mut self, cx: &Cx<'_>, id: EndId) {
        let Some(end) = self.stream(id) else { return };
        let Some(since) = end.outgoing.unacknowledged else { return };
        let at = since + end.options.user_timeout.unwrap_or(USER_TIMEOUT);
        self.schedule(at.max(cx.now), Event::GiveUp(id));
    }

    fn give_up(&mut self, cx: &mut Cx<'_>, id: EndId) {
        let Some(end) = self.stream(id) else { return };
        let silent = end.outgoing.blocked || end.outgoing.unheard;
        let Some(since) = end.outgoing.unacknowledged.filter(|_| silent) else { return };
        if since + end.options.user_timeout.unwrap_or(USER_TIMEOUT) <= cx.now {
            self.fail(cx, id, libc::ETIMEDOUT);
        } else {
            self.expect_time_out(cx, id);
        }
    }

    /// A connection ends for this end by something else than this end.
    fn fail(&mut self, cx: &mut Cx<'_>, id: EndId, errno: i32) {
        let Some(end) = self.stream(id) else { return };
        end.outgoing.clear();
        end.outgoing.blocked = false;
        if matches!(end.state, State::Open | State::Connecting) {
            end.state = State::Failed { errno, told: false };
            let peer = end.peer;
            if let Some(peer) = peer
                && let Some(keep_alive) = self.stream(peer).and_then(|peer| peer.options.keep_alive)
            {
                self.schedule(cx.now + keep_alive.patience(), Event::Probe(peer));
            }
            self.progress_in(cx, id);
            self.progress_out(cx, id);
        }
        self.remove_if_over(id);
    }

    pub(super) fn shutdown(&mut self, cx: &mut Cx<'_>, id: EndId) -> io::Result<()> {
        let Some(end) = self.stream(id).filter(|end| end.is_open()) else {
            return Err(io::Error::from_raw_os_error(libc::ENOTCONN));
        };
        if !end.outgoing.ended {
            let (here, there) = (end.machine, end.peer_machine);
            let due = self.link(here, there).arrival(cx.now, 0, cx.random);
            self.push_packet(cx, id, (due, Vec::new()));
        }
        Ok(())
    }

    /// This side gives an end up. Does nothing when it did before.
    pub(super) fn close(&mut self, cx: &mut Cx<'_>, id: EndId, how: CloseKind) {
        if let Some(End::Listener(listener)) = self.ends.get(&id) {
            let place = (listener.machine.0, listener.address.port());
            self.listeners.remove(&place);
            let Some(End::Listener(listener)) = self.ends.remove(&id) else { return };
            if let Some(Waiting { driver, operation }) = listener.accept {
                self.finish(cx, driver, operation.refused());
            }
            for never_accepted in listener.line {
                self.close(cx, never_accepted, CloseKind::Reset);
                self.ends.remove(&never_accepted);
            }
            return;
        }
        let Some(end) = self.stream(id) else { return };
        let (before, unread) = (end.state, !end.inbox.is_empty());
        let (here, there, peer) = (end.machine, end.peer_machine, end.peer);
        if before == State::Open && how == CloseKind::Graceful && !unread {
            // An error would say that it is closed already.
            let _ = self.shutdown(cx, id);
        } else if matches!(before, State::Open | State::Connecting) {
            end.outgoing.clear();
            if let Some(peer) = peer {
                self.schedule_over(cx, (here, there), Event::Reset(peer));
            }
        }
        let end = self.stream(id).expect("looked at above");
        end.state = State::Closed;
        end.inbox.clear();
        self.progress_in(cx, id);
        self.progress_out(cx, id);
    }

    pub(super) fn cut(&mut self, cx: &mut Cx<'_>, from: MachineIndex, to: MachineIndex) {
        let now = cx.now;
        self.link(from, to).cut_since.get_or_insert(now);
        let mut asking = Vec::new();
        for (id, end) in &self.ends {
            let End::Stream(end) = end else { continue };
            let machines = (end.machine, end.peer_machine);
            if let Some(keep_alive) = end.options.keep_alive
                && (machines == (from, to) || machines == (to, from))
            {
                asking
                    .push((now + keep_alive.patience(), Event::KeepAlive { id: *id, since: now }));
            }
        }
        asking.into_iter().for_each(|(at, event)| self.schedule(at, event));
    }

    pub(super) fn restore(&mut self, cx: &mut Cx<'_>, from: MachineIndex, to: MachineIndex) {
        self.link(from, to).cut_since = None;
        let mut again = Vec::new();
        for (id, end) in &mut self.ends {
            let End::Stream(end) = end else { continue };
            let machines = (end.machine, end.peer_machine);
            if machines == (from, to) && end.outgoing.blocked {
                end.outgoing.blocked = false;
                end.outgoing.scheduled = true;
                again.push(*id);
            }
            if machines == (to, from) && end.outgoing.unheard {
                end.outgoing.acknowledged();
            }
        }
        for id in again {
            let at = self.link(from, to).arrival(cx.now, 0, cx.random) + retransmission(cx.random);
            self.schedule(at, Event::Arrive(id));
        }
    }
}

/// For the steps that leave nothing to be done.
fn ended(step: SocketStep) -> Completion {
    match step {
        SocketStep::Done(completion) => completion,
        SocketStep::Again(operation) | SocketStep::Blocked(operation) => {
            panic!("{operation:?} has an answer and goes on")
        }
    }
}
