use super::*;
use crate::{
    ChannelIndex,
    wire::{AttemptId, JobId, PartitionAddress, PartitionId},
};
use proptest::{collection::vec, prelude::*};

fn secret(text: &str) -> ClusterSecret {
    ClusterSecret::new(text.as_bytes()).expect("it is long enough")
}

fn subject() -> PartitionAddress {
    PartitionAddress {
        job: JobId(7 << 100),
        attempt: AttemptId(8 << 90),
        partition: PartitionId(9),
        consumer: ChannelIndex(10),
    }
}

/// Says `message` to `side`, `piece` bytes at a time.
fn say(side: &mut Handshake, message: &[u8], piece: usize) -> HandshakeStep {
    let mut rest = message;
    loop {
        let space = side.space();
        let bytes = rest.len().min(piece).min(space.len());
        space[..bytes].copy_from_slice(&rest[..bytes]);
        rest = &rest[bytes..];
        let step = side.advance(bytes);
        if rest.is_empty() || !matches!(step, HandshakeStep::More) {
            return step;
        }
    }
}

/// What both sides have come to, when the acceptor has decided so.
struct Outcome {
    initiator: HandshakeStep,
    acceptor: HandshakeStep,
}

fn shake(theirs: &str, ours: &str, refusal: Option<Refusal>, piece: usize) -> Outcome {
    let (mut initiator, hello) = Handshake::initiate(secret(theirs), Nonce([1; 32]), subject());
    let mut acceptor = Handshake::accept(secret(ours), Nonce([2; 32]));
    let HandshakeStep::Send(challenge) = say(&mut acceptor, hello.as_slice(), piece) else {
        panic!("a hello is answered");
    };
    let HandshakeStep::Send(proof) = say(&mut initiator, challenge.as_slice(), piece) else {
        panic!("a challenge is answered");
    };
    let step = say(&mut acceptor, proof.as_slice(), piece);
    let acceptor = match step {
        HandshakeStep::Decide(wanted) => {
            assert_eq!(wanted, subject());
            match refusal {
                None => acceptor.welcome(),
                Some(refusal) => acceptor.refuse(refusal),
            }
        }
        other => other,
    };
    let answer = match &acceptor {
        HandshakeStep::Done(answer, _) | HandshakeStep::Failed(answer, _) => *answer,
        other => panic!("{other:?}"),
    };
    let answer = answer.expect("the acceptor has the last word");
    Outcome { initiator: say(&mut initiator, answer.as_slice(), piece), acceptor }
}

#[test]
fn peers_of_one_secret_come_together_wherever_their_bytes_are_cut() {
    for piece in 1..MESSAGE_BYTES_MAX {
        let Outcome { initiator, acceptor } =
            shake("one common secret", "one common secret", None, piece);
        let established = Established { subject: subject() };
        assert_eq!(initiator, HandshakeStep::Done(None, established));
        assert!(matches!(acceptor, HandshakeStep::Done(Some(_), e) if e == established));
    }
}

#[test]
fn another_secret_is_an_error_on_both_sides() {
    let Outcome { initiator, acceptor } =
        shake("a stranger's secret", "one common secret", None, 7);
    let refusal = Refusal::Secret;
    assert_eq!(initiator, HandshakeStep::Failed(None, HandshakeError::Refused { refusal }));
    assert!(matches!(acceptor, HandshakeStep::Failed(Some(_), HandshakeError::Secret)));
}

#[test]
fn what_is_not_here_is_refused_by_name() {
    let refusal = Refusal::UnknownJob;
    let Outcome { initiator, acceptor } =
        shake("one common secret", "one common secret", Some(refusal), 7);
    assert_eq!(initiator, HandshakeStep::Failed(None, HandshakeError::Refused { refusal }));
    let HandshakeStep::Failed(Some(_), error) = acceptor else { panic!("{acceptor:?}") };
    assert_eq!(error, HandshakeError::Subject { subject: subject(), refusal });
    assert!(error.to_string().contains("job 00000070"), "{error}");
}

#[test]
fn another_version_is_an_error_on_both_sides() {
    let (mut initiator, hello) =
        Handshake::initiate(secret("one common secret"), Nonce([1; 32]), subject());
    let mut bytes = hello.as_slice().to_vec();
    bytes[4] = 2;
    let mut acceptor = Handshake::accept(secret("one common secret"), Nonce([2; 32]));
    let HandshakeStep::Failed(Some(refused), error) = say(&mut acceptor, &bytes, 100) else {
        panic!("it must refuse");
    };
    assert_eq!(error, HandshakeError::Version { found: 2 });
    // The other side is of version 2, so it reads a refusal of version 1.
    let step = say(&mut initiator, refused.as_slice(), 100);
    let refusal = Refusal::Version;
    assert_eq!(step, HandshakeStep::Failed(None, HandshakeError::Refused { refusal }));
    let mut later = refused.as_slice().to_vec();
    later[4] = 3;
    let (mut initiator, _) =
        Handshake::initiate(secret("one common secret"), Nonce([1; 32]), subject());
    let step = say(&mut initiator, &later, 100);
    assert_eq!(step, HandshakeStep::Failed(None, HandshakeError::Version { found: 3 }));
}

#[test]
fn an_acceptor_that_does_not_know_the_secret_is_found_out() {
    let (mut initiator, _) =
        Handshake::initiate(secret("one common secret"), Nonce([1; 32]), subject());
    let challenge = message::Message::new(message::MessageKind::Challenge, None, &[&[3; 32]]);
    let HandshakeStep::Send(_) = say(&mut initiator, challenge.as_slice(), 100) else {
        panic!("a challenge is answered");
    };
    let welcome = message::Message::new(message::MessageKind::Welcome, None, &[&[4; 32]]);
    let step = say(&mut initiator, welcome.as_slice(), 100);
    assert!(matches!(step, HandshakeStep::Failed(Some(_), HandshakeError::Secret)), "{step:?}");
    assert_eq!(
        initiator.advance(0),
        HandshakeStep::Failed(None, HandshakeError::Over),
        "it is over"
    );
}

#[test]
fn a_proof_can_not_be_used_again_or_sent_back() {
    let common = secret("one common secret");
    let said: [&[u8]; 2] = [b"one", b"two"];
    let proof = common.prove(secret::Role::Initiator, &said);
    assert!(common.is_proof(&proof, secret::Role::Initiator, &said));
    assert!(!common.is_proof(&proof, secret::Role::Acceptor, &said));
    assert!(!common.is_proof(&proof, secret::Role::Initiator, &[b"one", b"twO"]));
    assert!(!common.is_proof(&proof[..31], secret::Role::Initiator, &said));
}

#[test]
fn other_protocols_and_damaged_messages_are_told_apart() {
    let accept = || Handshake::accept(secret("one common secret"), Nonce([2; 32]));
    let step = say(&mut accept(), b"GET / HTTP/1.1\r\n", 100);
    let found = *b"GET ";
    assert_eq!(step, HandshakeStep::Failed(None, HandshakeError::Magic { found }));
    let (_, hello) = Handshake::initiate(secret("one common secret"), Nonce([1; 32]), subject());
    let mut damaged = hello.as_slice().to_vec();
    damaged[20] ^= 1;
    let step = say(&mut accept(), &damaged, 100);
    let error = HandshakeError::Damaged { message: "Hello" };
    assert!(matches!(step, HandshakeStep::Failed(Some(_), e) if e == error), "{step:?}");
    let mut early = hello.as_slice().to_vec();
    early[6] = 3;
    let step = say(&mut accept(), &early, 100);
    let error = HandshakeError::Order { found: 3, expected: "Hello" };
    assert!(matches!(step, HandshakeStep::Failed(Some(_), e) if e == error), "{step:?}");
}

#[test]
fn a_secret_is_long_enough_and_never_shown() {
    let error = ClusterSecret::new(b"short").expect_err("five bytes");
    assert!(error.to_string().contains("5 bytes"), "{error}");
    assert!(!format!("{:?}", secret("one common secret")).contains("common"));
}

proptest! {
    #[test]
    fn a_stranger_comes_to_nothing(bytes in vec(any::<u8>(), 0..400)) {
        exercise(&bytes);
    }

    #[test]
    fn a_stranger_that_knows_the_heads_comes_to_nothing(kind in 1u8..6, body in vec(any::<u8>(), 100)) {
        let mut bytes = b"BRSH\x01\0\0\0".to_vec();
        bytes[6] = kind;
        bytes.extend(body);
        exercise(&bytes);
    }
}
