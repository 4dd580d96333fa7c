//! Redis, and other servers that use RESP (Valkey, `KeyDB`, Dragonfly):
//! <https://redis.io/docs/latest/develop/reference/protocol-spec/>.
//!
//! The proof of a client is a command: an array of bulk strings, the first of which names a command
//! and fits its length. The proof of a server is an array with a bulk string, `+PONG`, or an error
//! in the wording of Redis. `+OK` and `-ERR` begin answers of POP3 and NATS too, and inline
//! commands are words of any text protocol, so these count only where the two sides fit each other:
//! a command of Redis, then replies and nothing else. Arguments are not stated: they may be
//! passwords.

use crate::decode::Transport;
use crate::detect::detector::{Detector, Sample};
use crate::detect::formats::framing::{Framed, crlf_line, decimal, read_messages};
use crate::detect::prefilter::Prefilter;
use crate::detect::statement::{Side, Statement, combine_by_role, lossy};
use crate::evidence::{Depth, Detection, FailureScope, Protocol, Role};
use crate::flow::Opening;

/// Bytes of a line outside of bulk strings at most.
const LONGEST_LINE: usize = 1024;
/// Bytes of a command's name at most.
const LONGEST_NAME: usize = 32;
/// Commands that are stated at most.
const STATED: usize = 8;
/// Commands that people and health checks send inline.
const INLINE: &[&[u8]] = &[
    b"PING",
    b"INFO",
    b"SET",
    b"GET",
    b"DEL",
    b"INCR",
    b"DECR",
    b"KEYS",
    b"EXISTS",
    b"HELLO",
    b"SELECT",
    b"CLIENT",
    b"CONFIG",
    b"DBSIZE",
    b"ECHO",
    b"PUBLISH",
    b"SUBSCRIBE",
    b"HGET",
    b"HSET",
    b"HGETALL",
    b"LPUSH",
    b"LRANGE",
    b"SADD",
    b"SMEMBERS",
    b"TTL",
    b"COMMAND",
    b"FLUSHALL",
    b"SLAVEOF",
    b"REPLICAOF",
    b"PSYNC",
    b"MONITOR",
    b"ROLE",
];
/// Further commands by which a client is known where its beginning was not captured.
const COMMON: &[&[u8]] = &[
    b"AUTH",
    b"BLPOP",
    b"BRPOP",
    b"DECRBY",
    b"EVAL",
    b"EVALSHA",
    b"EXEC",
    b"EXPIRE",
    b"HDEL",
    b"HINCRBY",
    b"HMGET",
    b"HMSET",
    b"INCRBY",
    b"LLEN",
    b"LPOP",
    b"LREM",
    b"MGET",
    b"MSET",
    b"MULTI",
    b"PSUBSCRIBE",
    b"REPLCONF",
    b"RPOP",
    b"RPUSH",
    b"SCAN",
    b"SETEX",
    b"SETNX",
    b"SISMEMBER",
    b"SREM",
    b"TYPE",
    b"UNLINK",
    b"XACK",
    b"XADD",
    b"XREAD",
    b"XREADGROUP",
    b"ZADD",
    b"ZRANGE",
    b"ZRANGEBYSCORE",
    b"ZREM",
];
/// Beginnings of errors in the wording of Redis.
const ERRORS: &[&[u8]] = &[
    b"-NOAUTH ",
    b"-WRONGPASS ",
    b"-WRONGTYPE ",
    b"-NOPERM ",
    b"-DENIED Redis ",
    b"-LOADING Redis ",
    b"-MISCONF Redis ",
    b"-NOPROTO ",
    b"-NOSCRIPT ",
    b"-EXECABORT ",
    b"-CLUSTERDOWN ",
    b"-MASTERDOWN ",
    b"-READONLY You can't write",
    b"-ERR unknown command '",
    b"-ERR unknown command `",
    b"-ERR wrong number of arguments for '",
    b"-ERR Client sent AUTH",
    b"-ERR Protocol error: ",
    b"-ERR max number of clients reached",
    b"-ERR invalid password",
    b"-ERR operation not permitted",
];

pub(crate) const DETECTOR: Detector = Detector::new(Protocol::Redis, inspect)
    .tcp()
    .prefilter(Prefilter::first_byte(&[b'!'..=b'~']))
    .facts(&[
        "redis.command", "redis.reply", "redis.error", "redis.version", "redis.server",
        "redis.client",
    ])
    .samples(&[
        Sample {
            transport: Transport::Tcp,
            initiator: &[b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n", b"$1\r\nv\r\n*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n"],
            responder: &[b"+OK\r\n", b"$34\r\n# Server\r\nredis_version:7.0.15\r\nx:\r\n"],
        },
        Sample {
            transport: Transport::Tcp,
            initiator: &[
                b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$8\r\nLIB-NAME\r\n$8\r\nredis-py\r\n",
            ],
            responder: &[b"%2\r\n$6\r\nserver\r\n$6\r\nvalkey\r\n$7\r\nversion\r\n$5\r\n8.0.1\r\n+OK\r\n"],
        },
        Sample { transport: Transport::Tcp, initiator: &[b"PING\r\n"], responder: &[b"+PONG\r\n"] },
        Sample { transport: Transport::Tcp, initiator: &[b"get k\r\n"], responder: &[b"$1\r\nv\r\n"] },
        Sample { transport: Transport::Tcp, initiator: &[], responder: &[b"-NOAUTH Authentication required.\r\n"] },
    ]);

fn inspect(opening: &Opening, depth: Depth) -> Detection {
    combine_by_role(Protocol::Redis, opening, depth, |statement, requests: &mut Requests| {
        // A bulk string must begin an array, and anything else is an inline command or a reply.
        match (statement.stream.head().first(), statement.read_as) {
            (
                Some(
                    b'*' | b'>' | b'%' | b'~' | b'$' | b'+' | b'-' | b':' | b'_' | b'#' | b','
                    | b'!' | b'|' | b'(' | b'=',
                ),
                role,
            ) => {
                let side = values(statement, requests.inline);
                if role == Role::Client {
                    requests.side = Some(side);
                    return side;
                }
                // A server sends nothing before a request; after one, any reply is possible.
                match (side, requests.side) {
                    (Side::Perhaps, None | Some(Side::Perhaps))
                        if statement.stream.head().len() > LONGEST_LINE =>
                    {
                        Side::Other
                    }
                    _ => side,
                }
            }
            (Some(first), Role::Client) if first.is_ascii_alphabetic() => {
                let side = commands(statement);
                *requests = Requests { side: Some(side), inline: side == Side::Perhaps };
                side
            }
            _ => Side::Other,
        }
    })
}

/// The judgement on the client's side.
#[derive(Default)]
struct Requests {
    /// `None` while it has sent nothing.
    side: Option<Side>,
    /// It sent inline commands.
    inline: bool,
}

/// Judges lines that are commands of Redis, which prove nothing alone.
fn commands(statement: &mut Statement<'_>) -> Side {
    let bytes = statement.stream.head();
    let end = bytes.iter().take(LONGEST_NAME).position(|&b| matches!(b, b' ' | b'\r' | b'\n'));
    let name = &bytes[..end.unwrap_or(bytes.len().min(LONGEST_NAME))];
    let fits = |known: &&&[u8]| match end {
        Some(_) => known.eq_ignore_ascii_case(name),
        None => known.get(..name.len()).is_some_and(|known| known.eq_ignore_ascii_case(name)),
    };
    let Some(known) = INLINE.iter().find(fits) else { return Side::Other };
    if end.is_some() {
        statement.fact("redis.command", known, 0);
    }
    if bytes.len() > LONGEST_LINE && !bytes[..LONGEST_LINE].contains(&b'\n') {
        Side::Other
    } else {
        Side::Perhaps
    }
}

/// What the values of one side have shown so far.
#[derive(Default)]
struct ValuesRead<'a> {
    /// Elements of arrays that are still to come.
    open: usize,
    /// The next bulk string begins a command or an array reply.
    first: bool,
    certain: bool,
    /// An array began with the name of a command: the side may be the client.
    asks: bool,
    /// The previous bulk string of the same array.
    before: &'a [u8],
    command: &'a [u8],
    commands: Vec<&'a [u8]>,
}

/// Judges a side of RESP values. `answers`: they answer commands that were sent inline.
fn values(statement: &mut Statement<'_>, answers: bool) -> Side {
    let bytes = statement.stream.head();
    let is_client = statement.read_as == Role::Client;
    let from_start = statement.stream.from_start();
    let mut read = ValuesRead::default();
    let messages = read_messages(bytes, |rest, at| {
        let value = value(statement, rest, at, &mut read);
        // A command is an array of bulk strings and nothing else.
        let is_command = matches!(rest.first(), Some(b'*')) && read.open > 0
            || matches!(rest.first(), Some(b'$')) && at > 0;
        if is_client && from_start && !is_command && matches!(value, Framed::Whole(_)) {
            Framed::Foreign
        } else {
            value
        }
    });
    let reply = crlf_line(bytes, LONGEST_LINE).unwrap_or_default();
    let own = reply == b"+PONG" || ERRORS.iter().any(|error| reply.starts_with(error));
    // In the middle of a connection an array of bulk strings is a request or a reply.
    let is_doubtful = !from_start && if is_client { messages.foreign } else { read.asks };
    if !is_client && own
        || read.certain && !is_doubtful
        || answers && messages.whole > 0 && !messages.foreign && read.open == 0
    {
        if !is_client {
            let fact = if reply.starts_with(b"-") { "redis.error" } else { "redis.reply" };
            statement.fact(fact, reply, 0);
        } else if read.commands.is_empty() {
            return Side::Perhaps;
        }
        return Side::Matches;
    }
    if messages.foreign { Side::Other } else { Side::Perhaps }
}

/// Reads a value, or the head of an array, whose elements follow as values.
fn value<'a>(
    statement: &mut Statement<'_>,
    rest: &'a [u8],
    at: usize,
    read: &mut ValuesRead<'a>,
) -> Framed {
    let Some(line) = crlf_line(rest, LONGEST_LINE) else {
        let text = rest.len() < LONGEST_LINE
            && rest.iter().all(|&b| b == b'\r' || b >= b' ')
            && rest.first().is_some_and(|b| is_kind(*b));
        let count = !matches!(rest.first(), Some(b'*' | b'$' | b'%' | b'~' | b'>' | b':'))
            || rest.len() <= 22
                && rest.iter().skip(1).all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'\r'));
        return if text && count { Framed::Cut } else { Framed::Foreign };
    };
    let Some((&kind, word)) = line.split_first() else { return Framed::Foreign };
    let outermost = read.open == 0;
    if outermost && statement.read_as == Role::Server {
        count_reply(statement, kind, word, at);
    }
    if !outermost && kind != b'$' {
        // Commands have bulk strings only.
        if statement.read_as == Role::Client {
            return Framed::Foreign;
        }
        read.certain |= !read.command.is_empty();
        read.asks = false;
    }
    read.open = read.open.saturating_sub(1);
    let len = line.len() + 2;
    match kind {
        b'*' | b'>' | b'~' | b'%' | b'|' => {
            let elements = match (decimal(word), word) {
                (Some(count), _) if count < 1 << 24 => {
                    count * if matches!(kind, b'%' | b'|') { 2 } else { 1 }
                }
                (None, b"-1") => 0,
                _ => return Framed::Foreign,
            };
            read.open += elements;
            read.first = outermost && elements > 0;
            read.before = &[];
        }
        b'$' | b'=' | b'!' => {
            let Some(size) = decimal(word) else {
                return if word == b"-1" { Framed::Whole(len) } else { Framed::Foreign };
            };
            let first = std::mem::take(&mut read.first);
            if first && statement.read_as == Role::Client && size > LONGEST_NAME {
                return Framed::Foreign;
            }
            let body = rest.get(len..len.saturating_add(size)).unwrap_or_default();
            let tail = rest.get(len.saturating_add(size)..).unwrap_or_default();
            if !b"\r\n".starts_with(&tail[..tail.len().min(2)]) {
                return Framed::Foreign;
            }
            if tail.len() < 2 {
                return Framed::Cut;
            }
            if !bulk(statement, body, at + len, first, outermost, read) {
                return Framed::Foreign;
            }
            return Framed::Whole(len + size + 2);
        }
        b':' if !is_number(word) => return Framed::Foreign,
        b'_' if !word.is_empty() => return Framed::Foreign,
        b'#' if !matches!(word, b"t" | b"f") => return Framed::Foreign,
        b',' | b'(' if !word.iter().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b)) => {
            return Framed::Foreign;
        }
        _ if !is_kind(kind) || word.iter().any(u8::is_ascii_control) => return Framed::Foreign,
        _ => {}
    }
    Framed::Whole(len)
}

/// Errors of a server that turns every command down, or every one that writes.
const OUT_OF_SERVICE: [&str; 7] =
    ["BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "MISCONF", "NOREPLICAS", "OOM"];

/// Counts a reply, and states the first error that does not begin the side. A client that is asked for
/// its password, or sent to where a cluster keeps a key, has not failed.
fn count_reply(statement: &mut Statement<'_>, kind: u8, text: &[u8], at: usize) {
    let code = text.split(|&b| b == b' ').next().unwrap_or_default();
    match (kind, code) {
        (b'-', b"MOVED" | b"ASK" | b"NOAUTH") | (b'>', _) => {}
        (b'-', _) => {
            let is_code = code.iter().all(u8::is_ascii_uppercase) && code.len() <= LONGEST_NAME;
            let code = if is_code { lossy(code) } else { "error".into() };
            let is_of_service = OUT_OF_SERVICE.iter().any(|known| *known == code);
            let scope = if is_of_service { FailureScope::Service } else { FailureScope::Request };
            statement.failed_in_scope(&format!("Redis {code}"), scope, at);
            if at > 0 && !statement.facts.iter().any(|fact| fact.name.stem == "redis.error") {
                statement.fact("redis.error", text, at + 1);
            }
        }
        _ => statement.answers.succeeded(),
    }
}

/// Reads a bulk string: the name of a command where it is the first of an array, else an argument
/// or a part of a reply.
fn bulk<'a>(
    statement: &mut Statement<'_>,
    body: &'a [u8],
    at: usize,
    first: bool,
    alone: bool,
    read: &mut ValuesRead<'a>,
) -> bool {
    // An array of bulk strings is a command of a client as well as a reply.
    let from_start = statement.stream.from_start();
    if statement.read_as == Role::Client {
        if first {
            if body.is_empty()
                || !body.iter().all(|b| b.is_ascii_alphanumeric() || b"._-|".contains(b))
            {
                return false;
            }
            read.certain |= from_start || is_common(body);
            read.command = body;
            if read.commands.len() < STATED && !read.commands.contains(&body) {
                read.commands.push(body);
                statement.fact("redis.command", body, at);
            }
        } else if read.command.eq_ignore_ascii_case(b"CLIENT") {
            let names: [&[u8]; 3] = [b"SETNAME", b"LIB-NAME", b"LIB-VER"];
            if names.iter().any(|name| read.before.eq_ignore_ascii_case(name)) {
                statement.fact("redis.client", body, at);
            }
        }
    } else {
        read.command = if first { body } else { read.command };
        read.asks |= first && is_common(body);
        read.certain |= !alone && (from_start || !is_common(read.command));
        match read.before {
            b"server" if matches!(body, b"redis" | b"valkey") => {
                statement.fact("redis.server", body, at);
            }
            b"version" if !alone => statement.fact("redis.version", body, at),
            _ => {}
        }
        if body.starts_with(b"# Server") {
            read.certain = true;
            for (key, fact) in
                [(&b"redis_version:"[..], "redis.version"), (b"server_name:", "redis.server")]
            {
                if let Some(found) = body.windows(key.len()).position(|window| window == key) {
                    let value = body.get(found + key.len()..).unwrap_or_default();
                    let value =
                        &value[..value.iter().position(|&b| b == b'\r').unwrap_or(value.len())];
                    statement.fact(fact, value, at + found + key.len());
                }
            }
        }
    }
    read.before = body;
    true
}

fn is_common(command: &[u8]) -> bool {
    INLINE.iter().chain(COMMON).any(|known| known.eq_ignore_ascii_case(command))
}

fn is_kind(byte: u8) -> bool {
    b"*$+-:_#,(!=%~>|".contains(&byte)
}

fn is_number(word: &[u8]) -> bool {
    let digits = word.strip_prefix(b"-").or_else(|| word.strip_prefix(b"+")).unwrap_or(word);
    !digits.is_empty() && digits.len() < 20 && digits.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Recognition;

    fn on_tcp(initiator: &[u8], responder: &[u8]) -> Detection {
        inspect(&Opening::from_payloads(Transport::Tcp, &[initiator], &[responder]), Depth::Facts)
    }

    #[test]
    fn what_pop3_nats_and_memcached_say_is_not_redis() {
        let is_refused = |detection: Detection| !matches!(detection, Detection::Yes(..));
        assert!(is_refused(on_tcp(b"", b"+OK Dovecot ready.\r\n")));
        assert!(is_refused(on_tcp(
            b"USER ann\r\nPASS x\r\n",
            b"+OK\r\n+OK\r\n-ERR Unknown command.\r\n"
        )));
        assert!(is_refused(on_tcp(b"CONNECT {\"verbose\":true}\r\nPING\r\n", b"+OK\r\nPONG\r\n")));
        assert!(is_refused(on_tcp(b"get k\r\n", b"VALUE k 0 1\r\nv\r\nEND\r\n")));
        assert!(is_refused(on_tcp(
            b"AUTH none password\r\nPING\r\n",
            b"+OK\r\n+OK\r\nnot RESP\r\n"
        )));
        assert!(is_refused(on_tcp(b"*** welcome ***\r\n", b"")));
        assert!(is_refused(on_tcp(b"*3\r\n$3\r\nSET\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n")));
    }

    #[test]
    fn a_command_whose_length_does_not_fit_is_refused() {
        assert_eq!(on_tcp(b"*1\r\n$4\r\nPINGS\r\n", b""), Detection::No);
        assert_eq!(on_tcp(b"*1\r\n$4\r\nP NG\r\n", b""), Detection::No);
    }

    #[test]
    fn a_password_is_never_stated() {
        let Detection::Yes(Recognition { facts, .. }) =
            on_tcp(b"*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n", b"+OK\r\n")
        else {
            panic!("not recognised")
        };
        assert!(facts.iter().all(|fact| !fact.value.contains("secret")));
    }

    #[test]
    fn a_value_longer_than_the_opening_does_not_hide_its_command() {
        let detection = on_tcp(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$99999\r\nabc", b"+OK\r\n");
        assert!(matches!(detection, Detection::Yes(..)));
    }
}
