//! Every interleaving of two channels of one gate over one connection.
//!
//! Each move brings something nearer to the end (a script, a frame, a credit, a buffer read), so
//! no sequence of moves is endless: if each state without a move is the end, all ways lead there.

use std::collections::{HashSet, VecDeque};

use super::*;
use crate::{
    ChannelIndex, Event,
    barrier::{BarrierKind, CheckpointBarrier, CheckpointId},
    wire::{SeqNo, WireEvent},
};

/// Frames that the connection holds towards the consumer.
const LINK_MAX: usize = 2;
/// More states than any case here has; a case that has them has lost its bounds.
const STATES_MAX: usize = 300_000;

/// What a producer sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Data(u8),
    Barrier(BarrierKind),
    End,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Back {
    Credit(SeqNo),
    Resume(SeqNo),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum InGate {
    Data(u8),
    Barrier,
    End,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Channel {
    sender: Sender<u8>,
    receiver: Receiver,
    produced: usize,
    gate: VecDeque<InGate>,
    read: Vec<u8>,
    /// What the barrier overtook in the sender.
    overtaken: Vec<u8>,
    blocked: bool,
    barrier_read: bool,
    ended: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    channels: [Channel; 2],
    shares: GateShares,
    forward: VecDeque<(usize, SeqNo, u32, Forward)>,
    back: VecDeque<(usize, Back)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Forward {
    Data(u8),
    Event(WireEvent),
    Backlog,
}

struct Case {
    scripts: [Vec<Line>; 2],
    options: ShareOptions,
    holds_at_barriers: bool,
}

const CHECKPOINT: CheckpointId = CheckpointId(1);

impl Case {
    fn start(&self) -> World {
        let marks = Marks::new(2, 1);
        let options = SenderOptions { marks, holds_at_barriers: self.holds_at_barriers };
        let channel = || Channel {
            sender: Sender::new(options),
            receiver: Receiver::new(),
            produced: 0,
            gate: VecDeque::new(),
            read: Vec::new(),
            overtaken: Vec::new(),
            blocked: false,
            barrier_read: false,
            ended: false,
        };
        World {
            channels: [channel(), channel()],
            shares: GateShares::new(2, self.options),
            forward: VecDeque::new(),
            back: VecDeque::new(),
        }
    }

    /// All states that one move leads to.
    fn moves(&self, world: &World) -> Vec<World> {
        let mut next = Vec::new();
        let mut add = |change: &dyn Fn(&mut World) -> bool| {
            let mut world = world.clone();
            if change(&mut world) {
                world.grant();
                world.verify();
                next.push(world);
            }
        };
        for at in 0..2 {
            add(&|world| self.produce(world, at));
            add(&|world| world.transmit(at));
            add(&|world| self.read(world, at));
        }
        add(&|world| self.deliver(world));
        add(&World::deliver_back);
        next
    }

    fn produce(&self, world: &mut World, at: usize) -> bool {
        let channel = &mut world.channels[at];
        let Some(line) = self.scripts[at].get(channel.produced) else { return false };
        channel.produced += 1;
        let event = match *line {
            Line::Data(payload) => SenderEvent::Data(payload, 1),
            Line::End => SenderEvent::Event(Event::EndOfPartition),
            Line::Barrier(kind) => {
                let barrier = CheckpointBarrier { checkpoint: CHECKPOINT, started_ms: 0, kind };
                SenderEvent::Event(Event::Barrier(barrier))
            }
        };
        channel.overtaken.extend(channel.sender.step(event).expect("that is ours"));
        true
    }

    fn deliver(&self, world: &mut World) -> bool {
        let Some((at, sequence, backlog, frame)) = world.forward.pop_front() else { return false };
        let channel = &mut world.channels[at];
        let index = ChannelIndex(at as u32);
        let what = match &frame {
            Forward::Data(_) => Came::Data,
            Forward::Event(event) => Came::Event(*event),
            Forward::Backlog => Came::Backlog,
        };
        channel.receiver.step(ReceiverEvent::Came { sequence, what }).expect("in order, promised");
        match frame {
            Forward::Data(payload) => {
                world.shares.step(index, ShareEvent::Arrived);
                channel.gate.push_back(InGate::Data(payload));
                channel.sender.step(SenderEvent::Written(1)).expect("that is ours");
            }
            Forward::Event(WireEvent::InChannel(Event::EndOfPartition)) => {
                channel.gate.push_back(InGate::End);
                world.shares.step(index, ShareEvent::Closed);
            }
            Forward::Event(WireEvent::InChannel(Event::Barrier(barrier)))
                if barrier.overtakes() =>
            {
                self.check_cut(channel, at);
            }
            Forward::Event(WireEvent::InChannel(_)) => channel.gate.push_back(InGate::Barrier),
            Forward::Event(WireEvent::Announced(_)) | Forward::Backlog => {}
        }
        if !channel.receiver.has_ended() {
            world.shares.step(index, ShareEvent::Backlog(backlog));
        }
        true
    }

    /// What is before a barrier that overtakes was read, is in the gate, or was captured in the
    /// sender; each once.
    fn check_cut(&self, channel: &Channel, at: usize) {
        let before = self.scripts[at].iter().take_while(|line| !matches!(line, Line::Barrier(_)));
        let before = before.filter_map(|line| match line {
            Line::Data(payload) => Some(*payload),
            _ => None,
        });
        let in_gate = channel.gate.iter().filter_map(|item| match item {
            InGate::Data(payload) => Some(*payload),
            _ => None,
        });
        let cut: Vec<u8> = channel.read.iter().copied().chain(in_gate).collect();
        let cut: Vec<u8> = cut.into_iter().chain(channel.overtaken.iter().copied()).collect();
        assert_eq!(cut, before.collect::<Vec<u8>>(), "the cut of channel {at}");
    }

    fn read(&self, world: &mut World, at: usize) -> bool {
        let channel = &mut world.channels[at];
        if channel.blocked {
            return false;
        }
        match channel.gate.pop_front() {
            None => return false,
            Some(InGate::Data(payload)) => {
                channel.read.push(payload);
                world.shares.step(ChannelIndex(at as u32), ShareEvent::Returned(1));
            }
            Some(InGate::End) => channel.ended = true,
            Some(InGate::Barrier) => {
                channel.blocked = true;
                channel.barrier_read = true;
            }
        }
        world.align(self.holds_at_barriers);
        true
    }

    fn is_end(&self, world: &World) -> bool {
        let mut channels = world.channels.iter().zip(&self.scripts);
        channels.all(|(channel, script)| {
            let data = script.iter().filter_map(|line| match line {
                Line::Data(payload) => Some(*payload),
                _ => None,
            });
            channel.ended && channel.read == data.collect::<Vec<u8>>()
        })
    }

    /// Walks all states; how many there are.
    fn check(&self) -> usize {
        let mut start = self.start();
        start.grant();
        let mut known = HashSet::from([start.clone()]);
        let mut open = vec![start];
        while let Some(world) = open.pop() {
            let moves = self.moves(&world);
            if moves.is_empty() {
                assert!(self.is_end(&world), "nobody can go on: {world:#?}");
            }
            open.extend(moves.into_iter().filter(|next| known.insert(next.clone())));
            assert!(known.len() < STATES_MAX, "too many states for a test");
        }
        known.len()
    }
}

impl World {
    fn transmit(&mut self, at: usize) -> bool {
        if self.forward.len() == LINK_MAX {
            return false;
        }
        let Some(sending) = self.channels[at].sender.next() else { return false };
        let frame = match sending.what {
            What::Data(payload) => Forward::Data(payload),
            What::Event(event) => Forward::Event(event),
            What::Backlog => Forward::Backlog,
        };
        self.forward.push_back((at, sending.sequence, sending.backlog, frame));
        true
    }

    fn deliver_back(&mut self) -> bool {
        let Some((at, back)) = self.back.pop_front() else { return false };
        let event = match back {
            Back::Credit(sequence) => SenderEvent::Credit { sequence, credit: 1 },
            Back::Resume(sequence) => SenderEvent::Resumed { sequence, checkpoint: CHECKPOINT },
        };
        self.channels[at].sender.step(event).expect("our consumer keeps the protocol");
        true
    }

    /// Gives segments out as far as there are; the consumer does so at once.
    fn grant(&mut self) {
        while let Some(index) = self.shares.next() {
            let at = index.position();
            let receiver = &mut self.channels[at].receiver;
            receiver.step(ReceiverEvent::Granted(1)).expect("that is ours");
            self.back.push_back((at, Back::Credit(receiver.sequence())));
        }
    }

    /// When each channel's barrier was read, or the channel was, all go on.
    fn align(&mut self, holds_at_barriers: bool) {
        let has_come = |channel: &Channel| channel.barrier_read || channel.ended;
        if !self.channels.iter().all(has_come) {
            return;
        }
        for (at, channel) in self.channels.iter_mut().enumerate() {
            if std::mem::take(&mut channel.blocked) && holds_at_barriers {
                let sequence = channel.receiver.sequence();
                self.back.push_back((at, Back::Resume(sequence)));
            }
        }
    }

    fn verify(&self) {
        self.shares.verify_invariants();
        for (at, channel) in self.channels.iter().enumerate() {
            channel.sender.verify_invariants();
            let is_data = |(of, _, _, frame): &&(usize, SeqNo, u32, Forward)| {
                *of == at && matches!(frame, Forward::Data(_))
            };
            let data = self.forward.iter().filter(is_data).count();
            let is_credit =
                |(of, back): &&(usize, Back)| *of == at && matches!(back, Back::Credit(_));
            let credits = self.back.iter().filter(is_credit).count();
            let under_way = channel.sender.credit() as usize + data + credits;
            assert_eq!(under_way, channel.receiver.held() as usize, "a credit is a segment");
            if !channel.receiver.has_ended() {
                let held = self.shares.out(ChannelIndex(at as u32))
                    - self.shares.queued(ChannelIndex(at as u32));
                assert_eq!(channel.receiver.held(), held, "a segment held is one given");
            }
        }
    }
}

fn aligned(options: ShareOptions) -> Case {
    use Line::{Barrier, Data, End};
    let barrier = Barrier(BarrierKind::Aligned);
    Case {
        scripts: [vec![Data(1), barrier, Data(2), End], vec![Data(1), Data(2), barrier, End]],
        options,
        holds_at_barriers: options.exclusive == 0,
    }
}

#[test]
fn channels_with_segments_of_their_own_align_and_end() {
    let states = aligned(ShareOptions { exclusive: 1, floating: 0 }).check();
    assert!(states > 1_000, "{states} states");
    aligned(ShareOptions { exclusive: 1, floating: 1 }).check();
}

#[test]
fn channels_that_share_their_only_segment_align_and_end() {
    let states = aligned(ShareOptions { exclusive: 0, floating: 1 }).check();
    assert!(states > 1_000, "{states} states");
}

#[test]
#[should_panic(expected = "nobody can go on")]
fn channels_that_share_segments_and_do_not_hold_at_barriers_can_stop_for_ever() {
    let case = aligned(ShareOptions { exclusive: 0, floating: 1 });
    Case { holds_at_barriers: false, ..case }.check();
}

#[test]
fn a_barrier_that_overtakes_cuts_each_channel_once_in_every_interleaving() {
    use Line::{Barrier, Data, End};
    let barrier = Barrier(BarrierKind::Unaligned);
    for (exclusive, floating) in [(1, 0), (1, 1), (0, 1)] {
        let case = Case {
            scripts: [vec![Data(1), Data(2), barrier, End], vec![barrier, Data(1), End]],
            options: ShareOptions { exclusive, floating },
            holds_at_barriers: exclusive == 0,
        };
        let states = case.check();
        assert!(states > 1_000, "{states} states");
    }
}
