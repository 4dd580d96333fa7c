//! What the clerk said of the flows that are live, within bounds. Nobody waits for it but at the
//! end of a capture.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::question::{Answer, LINE, Question, Said};
use super::{Attribution, Clerk, Ground, Holder, Sides, Unknown};
use crate::decode::{Endpoint, FiveTuple, Transport};
use crate::evidence::Direction;
use crate::flow::{FlowKey, FlowRecord};

/// Live flows of which something is kept; of more than these only the port's process is known.
const FLOWS: usize = 65_536;
/// Questions that wait; more are not asked.
const QUESTIONS: usize = 4096;
/// Processes that are kept apart before it begins anew.
const HOLDERS: usize = 4096;
/// How long an answer is good for whoever looks at a flow that lives on.
const GOOD: Duration = Duration::from_secs(30);
/// How long the end of a capture waits for answers.
const PATIENCE: Duration = Duration::from_millis(500);

/// Asks about flows and remembers the answers.
pub struct Ledger {
    questions: SyncSender<Question>,
    pages: Arc<Pages>,
}

struct Pages {
    pages: Mutex<Written>,
    answered: Condvar,
}

#[derive(Default)]
struct Written {
    flows: HashMap<FlowKey, Entry>,
    open: HashMap<u64, (FlowKey, Direction, (Transport, u16))>,
    /// By service port, what was last said of it.
    ports: HashMap<(Transport, u16), Arc<Attribution>>,
    known: HashSet<Arc<Holder>>,
    next: u64,
    unasked: u64,
    /// No more answers come.
    over: bool,
}

#[derive(Default)]
struct Entry {
    sides: Sides,
    /// When its responder was last asked for.
    asked: Option<Instant>,
    /// The first answer left something to be wished for, and it was asked for once more.
    asked_again: bool,
}

impl Pages {
    /// What a thread that died has left is whole: no entry depends on another.
    fn lock(&self) -> MutexGuard<'_, Written> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// Opens it: to be called when this process has given up its rights, because threads keep those
    /// that they are born with.
    ///
    /// # Errors
    /// One line with the system's reason.
    pub fn open(clerk: Clerk) -> Result<Self, String> {
        let fail = |error: std::io::Error| format!("processes cannot be told: {error}");
        let reader = clerk.line.try_clone().map_err(fail)?;
        let pages = Arc::new(Pages { pages: Mutex::default(), answered: Condvar::new() });
        let (questions, asked) = sync_channel(QUESTIONS);
        thread::Builder::new()
            .name("ask".into())
            .spawn(move || send(&asked, clerk.line))
            .map_err(fail)?;
        let written = Arc::clone(&pages);
        thread::Builder::new()
            .name("hear".into())
            .spawn(move || hear(reader, &written))
            .map_err(fail)?;
        Ok(Self { questions, pages })
    }

    /// A flow begins: asks about both its sides.
    pub fn begin(&self, key: &FlowKey, initiator: usize) {
        let (key, transport) = (*key, key.transport());
        let (initiator, responder) = (key.endpoint(initiator), key.endpoint(1 - initiator));
        let mut pages = self.pages.lock();
        if pages.flows.len() >= FLOWS && !pages.flows.contains_key(&key) {
            pages.unasked += 1;
            return;
        }
        pages.flows.insert(key, Entry { asked: Some(Instant::now()), ..Entry::default() });
        self.ask(&mut pages, key, Direction::Responder, (transport, responder, initiator));
        self.ask(&mut pages, key, Direction::Initiator, (transport, initiator, responder));
    }

    /// What is known of a flow that lives on. Where that leaves something to be wished for, it is
    /// asked once more; and from time to time anyway, because sockets change hands.
    #[must_use]
    pub fn of(&self, record: &FlowRecord) -> Sides {
        let FlowRecord { transport, initiator, responder, .. } = *record;
        let key = key(record);
        let mut pages = self.pages.lock();
        let sides = pages.sides(&key, (transport, responder.port));
        let wanting = sides.responder.as_deref().is_some_and(|said| match said {
            Attribution::Known(holders, ground) => holders.len() > 1 && *ground == Ground::Listener,
            Attribution::Unknown(why) => *why == Unknown::Gone,
        });
        let is_due = |entry: &mut Entry| {
            let old = sides.responder.is_some()
                && entry.asked.is_some_and(|asked| asked.elapsed() >= GOOD);
            let due = old || wanting && !entry.asked_again;
            if due {
                (entry.asked, entry.asked_again) = (Some(Instant::now()), true);
            }
            due
        };
        // Questions that flows begin with go first.
        if pages.open.len() < QUESTIONS / 2 && pages.flows.get_mut(&key).is_some_and(is_due) {
            self.ask(&mut pages, key, Direction::Responder, (transport, responder, initiator));
        }
        sides
    }

    /// A flow is over: what was known of it, which is forgotten here.
    #[must_use]
    pub fn end(&self, record: &FlowRecord) -> Sides {
        let key = key(record);
        let mut pages = self.pages.lock();
        let sides = pages.sides(&key, (record.transport, record.responder.port));
        pages.flows.remove(&key);
        sides
    }

    /// Waits a moment for the answers that are still to come.
    pub fn settle(&self) {
        let pages = self.pages.lock();
        let waiting = |pages: &mut Written| !pages.open.is_empty() && !pages.over;
        drop(self.pages.answered.wait_timeout_while(pages, PATIENCE, waiting));
    }

    /// What is to be said of it all: that questions were left out, or that nobody answers any more.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let pages = self.pages.lock();
        let over = pages
            .over
            .then(|| "the process that tells processes is gone: later flows have none".to_owned());
        let unasked = (pages.unasked > 0).then(|| {
            format!("{} flows were not asked for their process: too many at once", pages.unasked)
        });
        over.into_iter().chain(unasked).collect()
    }

    fn ask(
        &self,
        pages: &mut Written,
        key: FlowKey,
        side: Direction,
        (transport, local, remote): (Transport, Endpoint, Endpoint),
    ) {
        let id = pages.next;
        pages.next += 1;
        let full = pages.over
            || self.questions.try_send(Question::new(id, transport, local, remote)).is_err();
        if full {
            pages.unasked += u64::from(side == Direction::Responder);
        } else {
            pages.open.insert(id, (key, side, (transport, local.port)));
        }
    }
}

impl Written {
    fn sides(&self, key: &FlowKey, port: (Transport, u16)) -> Sides {
        let mut sides = self.flows.get(key).map(|entry| entry.sides.clone()).unwrap_or_default();
        // Of a flow that nobody could ask about, its port may still be known.
        if sides.is_empty() && !self.flows.contains_key(key) {
            sides.responder = self.ports.get(&port).map(|last| Arc::new(last.past()));
        }
        sides
    }

    fn write(&mut self, answer: Answer) {
        let Some((key, side, port)) = self.open.remove(&answer.id) else { return };
        let attribution = Arc::new(match answer.said {
            Said::Elsewhere => return,
            Said::Unknown(why) => Attribution::Unknown(why),
            Said::Known(holders, ground) => Attribution::Known(
                holders.into_iter().map(|holder| self.shared(holder)).collect(),
                ground,
            ),
        });
        let known = !attribution.holders().is_empty();
        if side == Direction::Responder && known {
            self.ports.insert(port, Arc::clone(&attribution));
        }
        if let Some(entry) = self.flows.get_mut(&key) {
            // What was once known is not given up for a later "gone", but it is said to be past.
            let newer = match entry.sides.of(side) {
                Some(before) if !known && !before.holders().is_empty() => Arc::new(before.past()),
                _ => attribution,
            };
            entry.sides.put(side, newer);
        }
    }

    /// The same process is the same piece of memory, however many flows it has.
    fn shared(&mut self, holder: Holder) -> Arc<Holder> {
        if let Some(known) = self.known.get(&holder) {
            return Arc::clone(known);
        }
        if self.known.len() >= HOLDERS {
            self.known.clear();
        }
        let holder = Arc::new(holder);
        self.known.insert(Arc::clone(&holder));
        holder
    }
}

fn key(record: &FlowRecord) -> FlowKey {
    FlowKey::new(&FiveTuple {
        source: record.initiator,
        destination: record.responder,
        transport: record.transport,
    })
    .0
}

/// Sends questions, those that have gathered in one go.
fn send(questions: &Receiver<Question>, line: UnixStream) {
    let mut out = BufWriter::new(line);
    while let Ok(first) = questions.recv() {
        for question in std::iter::once(first).chain(questions.try_iter()) {
            let sent =
                serde_json::to_writer(&mut out, &question).is_ok() && out.write_all(b"\n").is_ok();
            if !sent {
                return;
            }
        }
        if out.flush().is_err() {
            return;
        }
    }
    // The clerk ends with its input.
    drop(out.get_ref().shutdown(std::net::Shutdown::Write));
}

/// Writes down the answers.
fn hear(line: UnixStream, pages: &Pages) {
    let mut reader = BufReader::new(line);
    let mut text = Vec::new();
    loop {
        text.clear();
        let length = reader.by_ref().take(LINE).read_until(b'\n', &mut text).unwrap_or(0);
        let answer = serde_json::from_slice(&text).ok().filter(|_| length > 0);
        let mut written = pages.lock();
        if let Some(answer) = answer {
            written.write(answer);
        } else {
            written.over = true;
            written.open.clear();
        }
        if written.open.is_empty() {
            pages.answered.notify_all();
        }
        if written.over {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(pid: i32) -> Holder {
        Holder {
            name: "node".into(),
            pid,
            command: String::new(),
            user: "u".into(),
            container: None,
        }
    }

    fn flow(port: u16) -> FlowKey {
        let end = |port| Endpoint { address: [127, 0, 0, 1].into(), port };
        FlowKey::new(&FiveTuple {
            source: end(port),
            destination: end(3001),
            transport: Transport::Tcp,
        })
        .0
    }

    /// What is known of the responder of a flow, as text.
    fn known(written: &Written, key: &FlowKey) -> String {
        match written.sides(key, (Transport::Tcp, 3001)).responder.as_deref() {
            None => "nothing".into(),
            Some(Attribution::Unknown(why)) => why.as_str().into(),
            Some(Attribution::Known(holders, ground)) => {
                format!("{} {}", holders[0].pid, ground.as_str())
            }
        }
    }

    #[test]
    fn who_was_behind_a_port_is_said_to_be_past_where_it_may_be() {
        let mut written = Written::default();
        let mut answer = |key: FlowKey, said: Said| {
            written.flows.entry(key).or_default();
            written.open.insert(0, (key, Direction::Responder, (Transport::Tcp, 3001)));
            written.write(Answer { id: 0, said });
            known(&written, &key)
        };
        assert_eq!(answer(flow(1), Said::Unknown(Unknown::Gone)), "gone");
        assert_eq!(answer(flow(1), Said::Known(vec![holder(7)], Ground::Socket)), "7 socket");
        assert_eq!(answer(flow(1), Said::Unknown(Unknown::Gone)), "7 past");
        assert_eq!(answer(flow(1), Said::Unknown(Unknown::Gone)), "7 past");
        assert_eq!(answer(flow(1), Said::Known(vec![holder(8)], Ground::Listener)), "8 listener");
        // Of a flow that nobody asked about, only who was last seen behind its port.
        assert_eq!(known(&written, &flow(2)), "8 past");
    }
}
