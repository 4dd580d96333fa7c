//! What a detector collects while it reads one side of a flow, and how the judgements of both sides
//! become one [`Detection`].

use std::borrow::Cow;

use crate::decode::Transport;
use crate::detect::answers::Answers;
use crate::evidence::{
    Depth, Detection, Direction, Fact, FactName, Failure, FailureScope, Protocol, ProvedBy,
    Recognition, Role,
};
use crate::flow::{Opening, Stream};

/// Segments or datagrams of a flow after which a side that has sent nothing is no longer awaited.
pub(crate) const PATIENCE: usize = 8;
/// Segments or datagrams of a flow after which the rest of a message that was read in part is no
/// longer awaited.
pub(crate) const PARTLY_PATIENCE: usize = 16;

/// Bytes of a fact's value that are kept, unless the fact is untruncated.
const VALUE_LEN: usize = 512;

/// The facts that a detector states of one side of a flow.
pub(crate) struct Statement<'a> {
    /// The facts so far, those of the side that was read before included.
    pub(crate) facts: &'a mut Vec<Fact>,
    /// What the side sent.
    pub(crate) stream: &'a Stream,
    /// The side that is read.
    pub(crate) direction: Direction,
    /// The exchange to which the next facts belong: a request and its response have the same
    /// number, counted from 1; 0 where the protocol has no exchanges.
    pub(crate) exchange: u32,
    /// The role in which the side is read.
    pub(crate) read_as: Role,
    /// The answers of the side so far.
    pub(crate) answers: Answers,
    /// The role that the bytes of the side show so far.
    role: Option<Role>,
    awaits_answer: bool,
    awaits_fact: bool,
    depth: Depth,
}

impl<'a> Statement<'a> {
    /// A statement about one side of the opening, which appends to `facts`.
    pub(crate) fn new(
        opening: &'a Opening,
        depth: Depth,
        direction: Direction,
        facts: &'a mut Vec<Fact>,
    ) -> Self {
        Self {
            facts,
            stream: opening.side(direction),
            direction,
            exchange: 0,
            read_as: match direction {
                Direction::Initiator => Role::Client,
                Direction::Responder => Role::Server,
            },
            answers: Answers::default(),
            role: None,
            awaits_answer: false,
            awaits_fact: false,
            depth,
        }
    }

    /// Whether facts are wanted that take time to read. Where they are not, the protocol alone
    /// counts.
    pub(crate) fn wants_facts(&self) -> bool {
        self.depth == Depth::Facts
    }

    /// States that the side plays `role`: its bytes are a request, or an answer. The first statement
    /// of a side holds.
    pub(crate) fn role(&mut self, role: Role) {
        self.role = self.role.or(Some(role));
    }

    /// States that the side asked for an answer, in a protocol whose clients expect none.
    pub(crate) fn awaits_answer(&mut self) {
        self.awaits_answer = true;
    }

    /// States that a fact which is worth a short wait is still to come.
    pub(crate) fn awaits_fact(&mut self) {
        self.awaits_fact = true;
    }

    /// Counts an error in answer to one request, which begins at `offset` of the stream. `cause`: the
    /// protocol and the error, the same for all errors of the kind.
    pub(crate) fn failed(&mut self, cause: &str, offset: usize) {
        self.failed_in_scope(cause, FailureScope::Request, offset);
    }

    /// Counts an error, as [`failed`](Self::failed), which turns down whoever asks.
    pub(crate) fn service_failed(&mut self, cause: &str, offset: usize) {
        self.failed_in_scope(cause, FailureScope::Service, offset);
    }

    /// Counts an error, as [`failed`](Self::failed), which turns down what `scope` says.
    pub(crate) fn failed_in_scope(&mut self, cause: &str, scope: FailureScope, offset: usize) {
        let (direction, frame) = (self.direction, self.stream.frame_at(offset));
        self.answers.failed(|| Failure::new(cause, scope, direction, frame));
    }

    /// States the fact `name`, whose value begins at `offset` of the stream. Of the value only the
    /// first 512 bytes are kept.
    pub(crate) fn fact(&mut self, name: impl Into<FactName>, value: &[u8], offset: usize) {
        self.fact_untruncated(name, &value[..value.len().min(VALUE_LEN)], offset);
    }

    /// States the fact `name` with a value of any length that begins at `offset` of the stream: a
    /// body that the marks of the catalogue search.
    pub(crate) fn fact_untruncated(
        &mut self,
        name: impl Into<FactName>,
        value: &[u8],
        offset: usize,
    ) {
        self.fact_in_parts(name, value, &[(0, offset)]);
    }

    /// States the fact `name` with a value of any length whose parts lie apart in the stream, such
    /// as the chunks of a body. `parts` has the offset of each part in the value and in the stream.
    pub(crate) fn fact_in_parts(
        &mut self,
        name: impl Into<FactName>,
        value: &[u8],
        parts: &[(usize, usize)],
    ) {
        self.text_in_parts(name, lossy(value).into_owned(), parts);
    }

    /// The same with a value that is text already.
    pub(crate) fn text_in_parts(
        &mut self,
        name: impl Into<FactName>,
        value: String,
        parts: &[(usize, usize)],
    ) {
        let mut later = Vec::new();
        let ends = parts.iter().skip(1).map(|part| part.0).chain([value.len()]);
        for (i, (&(begin, offset), end)) in parts.iter().zip(ends).enumerate() {
            if i > 0 {
                later.push((begin, self.stream.frame_at(offset)));
            }
            let behind = self.stream.frames_behind(offset).map(|(at, frame)| (begin + at, frame));
            later.extend(behind.take_while(|&(at, _)| at < end));
        }
        self.facts.push(Fact {
            name: name.into(),
            value,
            direction: self.direction,
            frame: parts.first().map_or(0, |part| self.stream.frame_at(part.1)),
            later,
            exchange: self.exchange,
        });
    }

    /// States the fact `name` with a text that the detector composed of the bytes at `offset` of
    /// the stream. Of the text only the first 512 bytes are kept.
    pub(crate) fn fact_text(
        &mut self,
        name: impl Into<FactName>,
        mut value: String,
        offset: usize,
    ) {
        if let Some(kept) = value.as_bytes().get(..VALUE_LEN) {
            value = String::from_utf8_lossy(kept).into_owned();
        }
        let (name, frame) = (name.into(), self.stream.frame_at(offset));
        self.facts.push(Fact {
            name,
            value,
            direction: self.direction,
            frame,
            later: Vec::new(),
            exchange: self.exchange,
        });
    }
}

/// Bytes as text; sequences that are not UTF-8 are replaced.
pub(crate) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    // Nearly all bytes are UTF-8, and `from_utf8` checks many of them at a time.
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// The judgement on one side of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The side sent nothing.
    Silent,
    /// The side's bytes are of the protocol.
    Matches,
    /// The side's bytes may be of the protocol, but too few were captured to decide.
    Perhaps,
    /// The side's bytes are not of the protocol.
    Other,
}

/// Judges each side that sent anything by `side` and combines the judgements, with the initiator
/// as the client.
///
/// The responder decides, because the protocol of a port is what answers there, whatever the
/// initiator requested. The initiator's bytes count while the responder has sent nothing, or where
/// the beginning of its bytes was not captured.
pub(crate) fn combine(
    protocol: Protocol,
    opening: &Opening,
    depth: Depth,
    side: impl FnMut(&mut Statement<'_>) -> Side,
) -> Detection {
    combine_with_client(Direction::Initiator, protocol, opening, depth, side)
}

/// Judges the sides of a protocol in which client and server differ by what they send, so that the
/// side that matches shows its role. `side` has a state of its own, which the client's side fills
/// first.
///
/// Where the initiator is a guess, both sides are read in either role, and the reading that
/// recognises more counts.
pub(crate) fn combine_by_role<S: Default>(
    protocol: Protocol,
    opening: &Opening,
    depth: Depth,
    side: impl Fn(&mut Statement<'_>, &mut S) -> Side,
) -> Detection {
    in_either_role(opening, |client| {
        let mut state = S::default();
        combine_with_client(client, protocol, opening, depth, |statement| {
            let judgement = side(statement, &mut state);
            statement.role(statement.read_as);
            judgement
        })
    })
}

/// Calls `read` with the initiator as the client and, where the initiator is a guess, also with the
/// responder; returns the detection that recognises more.
pub(crate) fn in_either_role(
    opening: &Opening,
    read: impl Fn(Direction) -> Detection,
) -> Detection {
    const fn rank(detection: &Detection) -> u8 {
        match detection {
            Detection::No => 0,
            Detection::NeedMore => 1,
            Detection::Yes(recognition) | Detection::Partly(recognition) => {
                match recognition.proved_by {
                    Some(ProvedBy::Initiator | ProvedBy::Responder) => 2,
                    Some(ProvedBy::Both) | None => 3,
                }
            }
        }
    }
    let detection = read(Direction::Initiator);
    if rank(&detection) == 3 || !is_guessed(opening) {
        return detection;
    }
    let reversed = read(Direction::Responder);
    if rank(&reversed) > rank(&detection) { reversed } else { detection }
}

/// Whether nothing but ports and the order of packets tells who opened the flow: no handshake was
/// seen.
pub(crate) fn is_guessed(opening: &Opening) -> bool {
    opening.transport() == Transport::Udp
        || opening.sides().all(|(_, stream)| stream.is_empty() || !stream.from_start())
}

/// Judges each side as [`combine`] does, the client's first.
pub(crate) fn combine_with_client(
    client: Direction,
    protocol: Protocol,
    opening: &Opening,
    depth: Depth,
    mut side: impl FnMut(&mut Statement<'_>) -> Side,
) -> Detection {
    let server = client.opposite();
    let mut facts = Vec::new();
    let mut judgements = [Side::Silent; 2];
    let mut roles = [None; 2];
    let (mut awaits_answer, mut awaits_fact) = (false, false);
    let mut answers = Answers::default();
    for (direction, read_as) in [(client, Role::Client), (server, Role::Server)] {
        if !opening.side(direction).is_empty() {
            let i = direction as usize;
            let mut statement = Statement::new(opening, depth, direction, &mut facts);
            statement.read_as = read_as;
            judgements[i] = side(&mut statement);
            roles[i] = statement.role.filter(|_| judgements[i] == Side::Matches);
            awaits_answer |= statement.awaits_answer;
            awaits_fact |= statement.awaits_fact;
            answers.merge(statement.answers);
        }
    }
    let proved_by =
        ProvedBy::from_sides(judgements[0] == Side::Matches, judgements[1] == Side::Matches);
    let answered = opening.side(server).from_start();
    match [judgements[client as usize], judgements[server as usize]] {
        [Side::Matches, Side::Other] if answered => Detection::No,
        [Side::Matches, _] | [_, Side::Matches] => {
            let failure = answers.failure();
            let recognition =
                Recognition { protocol, facts, proved_by, roles, awaits_answer, failure };
            if awaits_fact { Detection::Partly(recognition) } else { Detection::Yes(recognition) }
        }
        [Side::Other, _] | [_, Side::Other] => Detection::No,
        _ => Detection::NeedMore,
    }
}

/// Datagrams of each side that are read at most: later ones add nothing.
pub(crate) const DATAGRAMS: usize = 4;

/// Whether neither side has a datagram that may be a message, by a test that takes little time: where
/// it fails, [`by_datagram`] would find the datagram foreign. Bytes, and whether they were cut.
pub(crate) fn has_no_message(opening: &Opening, may_be: impl Fn(&[u8], bool) -> bool) -> bool {
    let has_one = |stream: &Stream| {
        stream.datagrams().take(DATAGRAMS).any(|(bytes, _, cut)| may_be(bytes, cut))
    };
    !opening.is_silent()
        && !has_one(opening.side(Direction::Initiator))
        && !has_one(opening.side(Direction::Responder))
}

/// Judges a side by its first datagrams. `read` judges a datagram by its bytes, their offset in the
/// stream and whether the capture cut them.
///
/// The side matches if no more datagrams are foreign than match: a damaged message among good ones
/// proves nothing. Only the first message that matches states facts.
pub(crate) fn by_datagram<'a>(
    statement: &mut Statement<'a>,
    read: impl FnMut(&mut Statement<'a>, &'a [u8], usize, bool) -> Side,
) -> Side {
    by_datagrams(statement, false, read)
}

/// Judges as [`by_datagram`] does, but reads no more datagrams than decide: for messages that take
/// time to read and of which the first that matches shows the role, and none asks for an answer.
pub(crate) fn by_deciding_datagrams<'a>(
    statement: &mut Statement<'a>,
    read: impl FnMut(&mut Statement<'a>, &'a [u8], usize, bool) -> Side,
) -> Side {
    by_datagrams(statement, true, read)
}

fn by_datagrams<'a>(
    statement: &mut Statement<'a>,
    until_decided: bool,
    mut read: impl FnMut(&mut Statement<'a>, &'a [u8], usize, bool) -> Side,
) -> Side {
    let mut offset = 0;
    let (mut matching, mut unclear, mut foreign) = (0, 0, 0);
    for (bytes, _, cut) in statement.stream.datagrams().take(DATAGRAMS) {
        let stated = statement.facts.len();
        match read(statement, bytes, offset, cut) {
            Side::Matches => matching += 1,
            Side::Perhaps | Side::Silent => unclear += 1,
            Side::Other => foreign += 1,
        }
        if matching > 1 {
            statement.facts.truncate(stated);
        }
        // All that may follow could be foreign.
        if until_decided && 2 * matching + unclear >= DATAGRAMS {
            break;
        }
        offset += bytes.len();
    }
    match () {
        () if matching > 0 && matching >= foreign => Side::Matches,
        () if foreign == 0 && unclear > 0 => Side::Perhaps,
        () => Side::Other,
    }
}
