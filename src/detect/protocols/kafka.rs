//! Apache Kafka: <https://kafka.apache.org/protocol.html>, «Protocol Primitive Types», request and
//! response headers.
//!
//! A request is a length, the number of an API, its version, a correlation id and the client's id;
//! a response is a length and the request's correlation id. No byte is fixed, so the proof is a
//! response with the correlation id of a request, or a request whose body fits to the byte
//! (`ApiVersions`, `Metadata`). A side that responds otherwise is no broker.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::framing::{Framed, MessagesRead, read_messages};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Statement, in_either_role};
use crate::evidence::{Depth, Detection, Direction, Fact, Protocol, ProvedBy, Recognition, Role};
use crate::flow::Opening;

/// Bytes of a message at most: `socket.request.max.bytes`.
const LONGEST: usize = 100 << 20;
/// Requests whose correlation ids are kept.
const REMEMBERED: usize = 64;
/// Clients, topics and APIs that are stated at most.
const STATED: usize = 8;
const METADATA: u16 = 3;
const API_VERSIONS: u16 = 18;
const APIS: &[&str] = &[
    "Produce",
    "Fetch",
    "ListOffsets",
    "Metadata",
    "LeaderAndIsr",
    "StopReplica",
    "UpdateMetadata",
    "ControlledShutdown",
    "OffsetCommit",
    "OffsetFetch",
    "FindCoordinator",
    "JoinGroup",
    "Heartbeat",
    "LeaveGroup",
    "SyncGroup",
    "DescribeGroups",
    "ListGroups",
    "SaslHandshake",
    "ApiVersions",
    "CreateTopics",
    "DeleteTopics",
    "DeleteRecords",
    "InitProducerId",
    "OffsetForLeaderEpoch",
    "AddPartitionsToTxn",
    "AddOffsetsToTxn",
    "EndTxn",
    "WriteTxnMarkers",
    "TxnOffsetCommit",
    "DescribeAcls",
    "CreateAcls",
    "DeleteAcls",
    "DescribeConfigs",
    "AlterConfigs",
    "AlterReplicaLogDirs",
    "DescribeLogDirs",
    "SaslAuthenticate",
    "CreatePartitions",
    "CreateDelegationToken",
    "RenewDelegationToken",
    "ExpireDelegationToken",
    "DescribeDelegationToken",
    "DeleteGroups",
    "ElectLeaders",
    "IncrementalAlterConfigs",
    "AlterPartitionReassignments",
    "ListPartitionReassignments",
    "OffsetDelete",
    "DescribeClientQuotas",
    "AlterClientQuotas",
    "DescribeUserScramCredentials",
    "AlterUserScramCredentials",
    "Vote",
    "BeginQuorumEpoch",
    "EndQuorumEpoch",
    "DescribeQuorum",
    "AlterPartition",
    "UpdateFeatures",
    "Envelope",
    "FetchSnapshot",
    "DescribeCluster",
    "DescribeProducers",
    "BrokerRegistration",
    "BrokerHeartbeat",
    "UnregisterBroker",
    "DescribeTransactions",
    "ListTransactions",
    "AllocateProducerIds",
    "ConsumerGroupHeartbeat",
    "ConsumerGroupDescribe",
    "ControllerRegistration",
    "GetTelemetrySubscriptions",
    "PushTelemetry",
];

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Kafka, inspect)
    .tcp()
    .prefilter(
        Prefilter::first_byte(&[0..=6])
            .skip(3)
            .then(&[0..=0])
            .max_leading_zeros(3)
            .initiator_only()
            .mid_stream(),
    )
    .facts(&[
        "kafka.api",
        "kafka.client",
        "kafka.software",
        "kafka.software-version",
        "kafka.topic",
    ])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"\0\0\0\x15\0\x12\0\0\0\0\0\x81\0\x07rdkafka\0\0\0\0",
                b"\0\0\0\x1d\0\x03\0\x02\0\0\0\x82\0\x07rdkafka\0\0\0\x01\0\x06orders",
            ],
            responder: &[
                b"\0\0\0\x10\0\0\0\x81\0\0\0\0\0\x01\0\x12\0\0\0\x03",
                b"\0\0\0\x08\0\0\0\x82\0\0\0\0",
            ],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"\0\0\0\x27\0\x12\0\x03\0\0\0\x01\0\x03app\0\x12apache-kafka-java\x063.5.1\0",
            ],
            responder: &[],
        },
    ]);

/// What the requests of a side have shown.
#[derive(Default)]
struct RequestSummary {
    numbers: Vec<u32>,
    /// The body of a request fits to the byte.
    exact: bool,
    /// A request names its client, or is not the first.
    plausible: bool,
}

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    in_either_role(opening, |client| exchange(opening, depth, client))
}

fn exchange(opening: &Opening, depth: Depth, client: Direction) -> Detection {
    let server = client.opposite();
    let (from_client, from_server) = (opening.side(client), opening.side(server));
    if from_client.is_empty() {
        // A response alone proves nothing, and a broker sends nothing unrequested.
        return if from_server.is_empty() { Detection::NeedMore } else { Detection::No };
    }
    let mut facts = Vec::new();
    let mut requests = RequestSummary::default();
    let mut statement = Statement::new(opening, depth, client, &mut facts);
    let requests_read = read_messages(from_client.head(), |rest, at| {
        request(&mut statement, rest, at, &mut requests)
    });
    if requests_read.foreign && (requests_read.whole == 0 || from_client.from_start()) {
        return Detection::No;
    }
    let mut answered = false;
    let mut greater = false;
    let responses = read_messages(from_server.head(), |rest, _| {
        let (Some(len), id) = (u32_at(rest, 0), u32_at(rest, 4)) else {
            return if rest.first().is_none_or(|&b| b <= 6) {
                Framed::Cut
            } else {
                Framed::Foreign
            };
        };
        if !(4..=LONGEST).contains(&(len as usize)) {
            return Framed::Foreign;
        }
        let Some(id) = id else { return Framed::Cut };
        answered |= requests.numbers.contains(&id);
        greater |= len > 4;
        Framed::Whole(4 + len as usize)
    });
    let MessagesRead { foreign, .. } = responses;
    let complete = from_server.head().len() >= 8;
    let proved = if complete {
        answered && !foreign && (requests.exact || requests.plausible && greater)
    } else {
        requests.exact
    };
    if proved && !foreign && !facts.is_empty() {
        let mut recognition = Recognition::new(Protocol::Kafka, facts);
        recognition.roles[client as usize] = Some(Role::Client);
        if answered {
            recognition.roles[server as usize] = Some(Role::Server);
        }
        let proved = |direction| direction == client || answered;
        recognition.proved_by =
            ProvedBy::from_sides(proved(Direction::Initiator), proved(Direction::Responder));
        Detection::Yes(recognition)
    } else if foreign || complete && (requests_read.whole > 0 || from_client.head().len() > 512) {
        Detection::No
    } else {
        Detection::NeedMore
    }
}

fn request(
    statement: &mut Statement<'_>,
    rest: &[u8],
    at: usize,
    requests: &mut RequestSummary,
) -> Framed {
    // A length below 100 MiB, a known API, a small version.
    let early = rest.first().is_some_and(|&b| b > 6)
        || rest.get(4).is_some_and(|&b| b != 0)
        || rest.get(5).is_some_and(|&b| usize::from(b) >= APIS.len())
        || rest.get(6).is_some_and(|&b| b != 0)
        || rest.get(7).is_some_and(|&b| b > 20);
    if early {
        return Framed::Foreign;
    }
    let word =
        |at: usize| rest.get(at..).and_then(|b| b.first_chunk()).map(|b| u16::from_be_bytes(*b));
    let Some(len) = u32_at(rest, 0).map(|len| len as usize) else { return Framed::Cut };
    if !(10..=LONGEST).contains(&len) {
        return Framed::Foreign;
    }
    let (Some(key), Some(version), Some(number), Some(size)) =
        (word(4), word(6), u32_at(rest, 8), word(12))
    else {
        return Framed::Cut;
    };
    let size = if size == u16::MAX { 0 } else { usize::from(size) };
    if size > 255 || 10 + size > len {
        return Framed::Foreign;
    }
    let client = rest.get(14..rest.len().min(14 + size)).unwrap_or_default();
    if !client.iter().all(|b| (b' '..0x7f).contains(b)) {
        return Framed::Foreign;
    }
    let Some(body) = rest.get(14 + size..rest.len().min(4 + len)) else { return Framed::Cut };
    if requests.numbers.len() < REMEMBERED {
        requests.numbers.push(number);
    }
    requests.plausible |= size > 0 || number != 0 && at > 0;
    let is_stated = |facts: &[Fact], name: &str, value: &[u8]| {
        facts
            .iter()
            .filter(|fact| fact.name.stem == name)
            .any(|fact| fact.value.as_bytes() == value)
    };
    let api = APIS.get(usize::from(key)).filter(|_| statement.facts.len() < 4 * STATED);
    if let Some(api) = api.filter(|api| !is_stated(statement.facts, "kafka.api", api.as_bytes())) {
        statement.fact("kafka.api", api.as_bytes(), at + 4);
    }
    if !client.is_empty()
        && !is_stated(statement.facts, "kafka.client", client)
        && statement.facts.len() < 4 * STATED
    {
        statement.fact("kafka.client", client, at + 14);
    }
    if body.len() + 10 + size < len {
        return Framed::Cut;
    }
    let fits = match (key, version) {
        // Old librdkafka sends an empty list.
        (API_VERSIONS, 0..=2) => Some(body.is_empty() || body == [0; 4]),
        (API_VERSIONS, 3..) => Some(software(statement, body, at + 14 + size)),
        (METADATA, 0..=8) => topics(statement, body, version, at + 14 + size),
        _ => None,
    };
    match fits {
        Some(false) => return Framed::Foreign,
        // A request without a body and a client's name, of ten bytes, is too short for a proof.
        Some(true) => requests.exact |= size > 0 && len > 10 + size,
        None => {}
    }
    Framed::Whole(4 + len)
}

/// Whether a body is that of `ApiVersions` from version 3: tags, and the name and version of the
/// client's library, which are stated.
fn software(statement: &mut Statement<'_>, body: &[u8], at: usize) -> bool {
    let text = |bytes: &'_ [u8]| -> Option<(usize, usize)> {
        let size = usize::from(bytes.first()?.checked_sub(1).filter(|size| *size < 127)?);
        bytes.get(1..=size)?.iter().all(|b| (b' '..0x7f).contains(b)).then_some((1, 1 + size))
    };
    let Some(rest) = body.strip_prefix(b"\0") else { return false };
    let Some((from, to)) = text(rest) else { return false };
    let Some((after, end)) = rest.get(to..).and_then(text) else { return false };
    if rest.get(to + end..) != Some(&[0]) {
        return false;
    }
    statement.fact("kafka.software", rest.get(from..to).unwrap_or_default(), at + 1 + from);
    statement.fact(
        "kafka.software-version",
        rest.get(to + after..to + end).unwrap_or_default(),
        at + 1 + to + after,
    );
    true
}

/// Whether a body is that of `Metadata` up to version 8: topics, which are stated, then a byte for
/// each of up to three options. `None` where the body is too short.
fn topics(statement: &mut Statement<'_>, body: &[u8], version: u16, at: usize) -> Option<bool> {
    let count = u32_at(body, 0)?;
    let mut rest = body.get(4..)?;
    for _ in 0..if count == u32::MAX { 0 } else { count.min(4096) } {
        let Some((size, after)) = rest.split_first_chunk::<2>() else { return Some(false) };
        let Some((name, after)) = after.split_at_checked(usize::from(u16::from_be_bytes(*size)))
        else {
            return Some(false);
        };
        if name.is_empty()
            || name.len() > 249
            || !name.iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b))
        {
            return Some(false);
        }
        if statement.facts.iter().filter(|fact| fact.name.stem == "kafka.topic").count() < STATED {
            let offset = name.as_ptr().addr().wrapping_sub(body.as_ptr().addr());
            statement.fact("kafka.topic", name, at + offset);
        }
        rest = after;
    }
    let options = match version {
        0..=3 => 0,
        4..=7 => 1,
        _ => 3,
    };
    Some(rest.len() == options && rest.iter().all(|&b| b < 2))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_be_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_tcp(initiator: &[u8], responder: &[u8]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, &[initiator], &[responder]), Depth::Facts)
    }

    const FETCH: &[u8] = b"\0\0\0\x15\0\x01\0\x04\0\0\0\x07\0\x03app\0\0\0\0\0\0\0\0";

    #[test]
    fn the_answer_must_carry_the_requests_number() {
        assert_eq!(on_tcp(FETCH, b""), Detection::NeedMore);
        assert!(matches!(on_tcp(FETCH, b"\0\0\0\x08\0\0\0\x07\0\0\0\0"), Detection::Yes(..)));
        assert_eq!(on_tcp(FETCH, b"\0\0\0\x08\0\0\0\x08\0\0\0\0"), Detection::No);
    }

    #[test]
    fn zeros_behind_a_length_are_not_a_request() {
        assert!(!matches!(
            on_tcp(
                &[0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
                &[0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0]
            ),
            Detection::Yes(..)
        ));
    }

    #[test]
    fn a_conversation_picked_up_at_an_answer_is_read_the_other_way_round() {
        let mut opening = Opening::new(Transport::Tcp);
        opening.push_for_test(b"\0\0\0\x08\0\0\0\x07\0\0\0\0");
        assert_eq!(inspect(&opening, Depth::Facts), Detection::No);
    }
}
