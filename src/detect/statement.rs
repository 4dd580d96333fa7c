//! What a detector collects while it reads one side of a flow, and how two sides become one answer.

use std::borrow::Cow;

use crate::evidence::{Depth, Detection, Direction, Fact, FactName, Protocol};
use crate::flow::{Opening, Stream};

/// Segments or datagrams after which a side that is still silent is no longer waited for.
pub(crate) const PATIENCE: usize = 8;
/// Segments or datagrams after which the rest of what a language has said in part is no longer
/// waited for.
pub(crate) const PARTLY_PATIENCE: usize = 16;

/// Characters of a fact's value that are kept, unless it is a body that marks search.
const VALUE_LEN: usize = 512;

/// What a detector collects while it reads one side.
pub(crate) struct Statement<'a> {
    pub(crate) facts: &'a mut Vec<Fact>,
    pub(crate) stream: &'a Stream,
    pub(crate) direction: Direction,
    /// The exchange that is being read.
    pub(crate) exchange: u32,
    /// How much is read.
    pub(crate) depth: Depth,
}

impl<'a> Statement<'a> {
    /// Begins with what a side of the opening said.
    pub(crate) fn new(
        opening: &'a Opening,
        depth: Depth,
        direction: Direction,
        facts: &'a mut Vec<Fact>,
    ) -> Self {
        Self { facts, stream: opening.side(direction), direction, exchange: 0, depth }
    }

    /// Whether facts that take time to read are wanted.
    pub(crate) fn wants_facts(&self) -> bool {
        self.depth == Depth::Facts
    }

    /// States a fact whose bytes begin at `offset`.
    pub(crate) fn say(&mut self, name: impl Into<FactName>, value: &[u8], offset: usize) {
        self.say_whole(name, &value[..value.len().min(VALUE_LEN)], offset);
    }

    /// The same with a value of any length.
    pub(crate) fn say_whole(&mut self, name: impl Into<FactName>, value: &[u8], offset: usize) {
        self.say_parts(name, value, &[(0, offset)]);
    }

    /// The same with a value whose parts stand in several places: where each begins in the value
    /// and in the stream.
    pub(crate) fn say_parts(
        &mut self,
        name: impl Into<FactName>,
        value: &[u8],
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
            value: lossy(value).into_owned(),
            direction: self.direction,
            frame: parts.first().map_or(0, |part| self.stream.frame_at(part.1)),
            later,
            exchange: self.exchange,
        });
    }

    /// States what the bytes at `offset` come to, in the detector's own words.
    pub(crate) fn tell(&mut self, name: impl Into<FactName>, mut value: String, offset: usize) {
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

/// Bytes as text, those that are not UTF-8 replaced.
pub(crate) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    // Nearly all are, and this looks at many at a time.
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Puts together what the two sides of a flow were found to be. The responder decides: what it says
/// is what speaks on the port, whatever was asked of it. While it is silent, or cut, the
/// initiator's word counts.
pub(crate) fn combine(
    protocol: Protocol,
    opening: &Opening,
    depth: Depth,
    mut side: impl FnMut(&mut Statement<'_>) -> Side,
) -> Detection {
    let mut facts = Vec::new();
    let mut heard = [Side::Silent; 2];
    for ((direction, stream), heard) in opening.sides().zip(&mut heard) {
        if !stream.is_empty() {
            *heard = side(&mut Statement::new(opening, depth, direction, &mut facts));
        }
    }
    let answered = opening.side(Direction::Responder).from_start();
    match heard {
        [Side::Speaks, Side::Other] if answered => Detection::No,
        [Side::Speaks, _] | [_, Side::Speaks] => Detection::Yes(protocol, facts),
        [Side::Other, _] | [_, Side::Other] => Detection::No,
        _ => Detection::NeedMore,
    }
}

/// Datagrams of each side that are looked at: what comes later adds nothing.
pub(crate) const DATAGRAMS: usize = 4;

/// Judges a side by its first datagrams, each of which `read` judges by its bytes, their place in
/// the stream and whether the capture cut it. A damaged message among good ones is no proof against
/// them.
pub(crate) fn by_datagram<'a>(
    statement: &mut Statement<'a>,
    mut read: impl FnMut(&mut Statement<'a>, &'a [u8], usize, bool) -> Side,
) -> Side {
    let mut offset = 0;
    let (mut ours, mut unclear, mut foreign) = (0, 0, 0);
    for (bytes, _, cut) in statement.stream.datagrams().take(DATAGRAMS) {
        let stated = statement.facts.len();
        match read(statement, bytes, offset, cut) {
            Side::Speaks => ours += 1,
            Side::Perhaps | Side::Silent => unclear += 1,
            Side::Other => foreign += 1,
        }
        // One message says what there is to say.
        if ours > 1 {
            statement.facts.truncate(stated);
        }
        offset += bytes.len();
    }
    match () {
        () if ours > 0 && ours >= foreign => Side::Speaks,
        () if foreign == 0 && unclear > 0 => Side::Perhaps,
        () => Side::Other,
    }
}

/// What one side of a flow was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// It said nothing.
    Silent,
    /// It speaks the language.
    Speaks,
    /// It may, but too little of it was seen.
    Perhaps,
    /// It does not.
    Other,
}
