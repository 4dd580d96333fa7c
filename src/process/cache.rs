//! The capturing side: sends a lookup request for each side of a flow, and caches the replies of
//! the flows that are live, within bounds.
//!
//! Only [`ProcessCache::wait_for_replies`], at the end of a capture, blocks on the helper process.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::helper::unavailable;
use super::messages::{LookupReply, LookupRequest, LookupResult, MAX_LINE};
use super::{Attribution, FlowProcesses, Ground, Holder, ProcessHelper, Unknown};
use crate::Result;
use crate::decode::{FiveTuple, ServicePort};
use crate::flow::{FlowKey, FlowRecord};
use crate::helper_process::{HelperConnection, Life, watch};
use crate::sentence::plural;

/// The most live flows in the cache. Of further flows only the port's last process is known.
const MAX_FLOWS: usize = 65_536;
/// The most requests in the queue; further ones are dropped.
const MAX_QUEUED: usize = 4096;
/// The most distinct processes that share their memory; beyond it the set is cleared.
const MAX_HOLDERS: usize = 4096;
/// The age at which the attribution of a live flow is looked up again.
const MAX_AGE: Duration = Duration::from_secs(30);
/// How long the end of a capture waits for replies.
const FINAL_WAIT: Duration = Duration::from_millis(500);

/// The processes behind the live flows, looked up by a helper process.
pub struct ProcessCache {
    requests: SyncSender<LookupRequest>,
    shared: Arc<SharedCache>,
}

/// The part of the cache that the classifier threads share with the thread that receives replies.
struct SharedCache {
    state: Mutex<CacheState>,
    /// Signalled when no reply is outstanding.
    all_replied: Condvar,
}

#[derive(Default)]
struct CacheState {
    flows: HashMap<FlowKey, CachedFlow>,
    /// Requests without a reply, by their ids: flow and end of its key, and the port of that end if
    /// it is a service's as far as is known.
    outstanding: HashMap<u64, (FlowKey, usize, Option<ServicePort>)>,
    /// The last known attribution of each service port.
    ports: HashMap<ServicePort, Arc<Attribution>>,
    holders: HashSet<Arc<Holder>>,
    next_id: u64,
    /// Flows whose request was dropped.
    dropped: u64,
    /// Flows whose request the helper process could not answer.
    unanswered: u64,
    helper: Life,
    /// Whether the capture is over: that the helper process ends is no news.
    is_over: bool,
}

#[derive(Default)]
struct CachedFlow {
    /// Indexed by the ends of the key: which of them is the initiator may still change.
    ends: [Option<Arc<Attribution>>; 2],
    /// When the last lookup of the responder was requested.
    requested: Option<Instant>,
    /// Whether the lookup was repeated, after a first result that was not definite.
    repeated: bool,
}

impl SharedCache {
    /// A thread that panicked leaves a consistent state, because no entry depends on another.
    fn lock(&self) -> MutexGuard<'_, CacheState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of whether the helper process can answer, and says it.
    fn set_life(&self, life: Life, notify: impl Fn(&str)) {
        let mut state = self.lock();
        if matches!(state.helper, Life::Ended) || state.helper == life || state.is_over {
            return;
        }
        state.helper = life;
        if life != Life::Running {
            let waiting: Vec<_> = state.outstanding.values().copied().collect();
            for (key, end, port) in waiting {
                state.leave_unanswered(&key, end, port.is_some());
            }
        }
        if life == Life::Ended {
            state.outstanding.clear();
        }
        drop(state);
        self.all_replied.notify_all();
        notify(match life {
            Life::Running => "the process lookup continues",
            Life::Stopped => {
                "warning: the process lookup was stopped; new flows have no process until it \
                 continues (SIGCONT)"
            }
            Life::Ended => "warning: the process lookup has ended; new flows have no process",
        });
    }
}

impl Drop for ProcessCache {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
    }
}

impl ProcessCache {
    /// Starts the threads that talk to the helper process and watch it. Call this after this process
    /// has dropped its privileges, because threads keep the privileges that they are created with.
    /// `notify` is called with a line when the helper process ends, stops or goes on.
    ///
    /// # Errors
    /// The system's reason.
    pub fn open(
        helper: ProcessHelper,
        notify: impl Fn(&str) + Clone + Send + 'static,
    ) -> Result<Self> {
        let ProcessHelper { connection, process } = helper;
        let fail = |error: std::io::Error| unavailable(&error);
        let reader = connection.try_clone().map_err(fail)?;
        let shared = Arc::new(SharedCache { state: Mutex::default(), all_replied: Condvar::new() });
        let (requests, queue) = sync_channel(MAX_QUEUED);
        thread::Builder::new()
            .name("lookup-requests".into())
            .spawn(move || send_requests(&queue, connection))
            .map_err(fail)?;
        let (cache, say) = (Arc::clone(&shared), notify.clone());
        thread::Builder::new()
            .name("lookup-replies".into())
            .spawn(move || receive_replies(reader, &cache, say))
            .map_err(fail)?;
        let cache = Arc::clone(&shared);
        thread::Builder::new()
            .name("lookup-watch".into())
            .spawn(move || watch(process, |life| cache.set_life(life, &notify)))
            .map_err(fail)?;
        Ok(Self { requests, shared })
    }

    /// Adds a new flow and requests a lookup of both its sides. `initiator` is the index of the
    /// initiator's endpoint in `key`.
    pub fn begin(&self, key: &FlowKey, initiator: usize) {
        let key = *key;
        let mut state = self.shared.lock();
        if state.flows.len() >= MAX_FLOWS && !state.flows.contains_key(&key) {
            state.dropped += 1;
            return;
        }
        let flow = CachedFlow { requested: Some(Instant::now()), ..CachedFlow::default() };
        state.flows.insert(key, flow);
        self.request(&mut state, key, 1 - initiator, true);
        self.request(&mut state, key, initiator, false);
    }

    /// The processes of a live flow. A responder whose result is not definite is looked up a second
    /// time; every responder is looked up again after 30 seconds, because sockets are passed on.
    #[must_use]
    pub fn get(&self, record: &FlowRecord) -> FlowProcesses {
        let (key, initiator) = flow_key(record);
        let mut state = self.shared.lock();
        let processes = state.processes(&key, initiator);
        let is_indefinite =
            processes.responder.as_deref().is_some_and(|attribution| match attribution {
                Attribution::Known(holders, ground) => {
                    holders.len() > 1 && *ground == Ground::Listener
                }
                Attribution::Unknown(why) => matches!(why, Unknown::Gone | Unknown::Unanswered),
            });
        let is_due = |flow: &mut CachedFlow| {
            let is_old = processes.responder.is_some()
                && flow.requested.is_some_and(|requested| requested.elapsed() >= MAX_AGE);
            let is_due = is_old || is_indefinite && !flow.repeated;
            if is_due {
                (flow.requested, flow.repeated) = (Some(Instant::now()), true);
            }
            is_due
        };
        // Half of the queue is reserved for new flows.
        if state.helper == Life::Running
            && state.outstanding.len() < MAX_QUEUED / 2
            && state.flows.get_mut(&key).is_some_and(is_due)
        {
            self.request(&mut state, key, 1 - initiator, true);
            let unanswered = Attribution::Unknown(Unknown::Unanswered);
            if processes.initiator.as_deref() == Some(&unanswered) {
                self.request(&mut state, key, initiator, false);
            }
        }
        processes
    }

    /// Removes a flow that has ended, and returns its processes.
    #[must_use]
    pub fn end(&self, record: &FlowRecord) -> FlowProcesses {
        let (key, initiator) = flow_key(record);
        let mut state = self.shared.lock();
        let processes = state.processes(&key, initiator);
        if state.flows.remove(&key).is_some()
            && let Some(responder) =
                processes.responder.as_ref().filter(|r| !r.holders().is_empty())
        {
            state.ports.insert(record.service_port(), Arc::clone(responder));
        }
        processes
    }

    /// Waits for the outstanding replies, at most half a second.
    pub fn wait_for_replies(&self) {
        let state = self.shared.lock();
        let is_waiting =
            |state: &mut CacheState| !state.outstanding.is_empty() && state.helper == Life::Running;
        drop(self.shared.all_replied.wait_timeout_while(state, FINAL_WAIT, is_waiting));
    }

    /// Warnings for the user: requests were dropped, or the helper process did not answer.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let state = self.shared.lock();
        let unanswered = (state.unanswered > 0).then(|| {
            let flows = plural(state.unanswered, "flow");
            format!("{flows} without a process lookup: its process had ended or was stopped")
        });
        let dropped = (state.dropped > 0).then(|| {
            format!("{} without a process lookup: too many at once", plural(state.dropped, "flow"))
        });
        unanswered.into_iter().chain(dropped).collect()
    }

    fn request(&self, state: &mut CacheState, key: FlowKey, end: usize, is_responder: bool) {
        if state.helper != Life::Running {
            state.leave_unanswered(&key, end, is_responder);
            return;
        }
        let (transport, local, remote) =
            (key.transport(), key.endpoint(end), key.endpoint(1 - end));
        let id = state.next_id;
        state.next_id += 1;
        let request = LookupRequest::new(id, transport, local, remote);
        if self.requests.try_send(request).is_err() {
            state.dropped += u64::from(is_responder);
        } else {
            let port = is_responder.then(|| ServicePort::new(local.port, transport));
            state.outstanding.insert(id, (key, end, port));
        }
    }
}

impl CacheState {
    /// The processes at the ends of a flow, of which `initiator` is the end of its key that opened
    /// it.
    fn processes(&self, key: &FlowKey, initiator: usize) -> FlowProcesses {
        let mut processes = FlowProcesses::default();
        if let Some(flow) = self.flows.get(key) {
            processes.initiator.clone_from(&flow.ends[initiator]);
            processes.responder.clone_from(&flow.ends[1 - initiator]);
        } else if self.helper != Life::Running {
            let unanswered = Arc::new(Attribution::Unknown(Unknown::Unanswered));
            processes.initiator = Some(Arc::clone(&unanswered));
            processes.responder = Some(unanswered);
        } else {
            // A flow that is not in the cache gets the last known process of its port.
            let port = ServicePort::new(key.endpoint(1 - initiator).port, key.transport());
            processes.responder = self.ports.get(&port).map(|last| Arc::new(last.as_past()));
        }
        processes
    }

    /// Takes note that nobody answers for one end of a flow.
    fn leave_unanswered(&mut self, key: &FlowKey, end: usize, is_responder: bool) {
        let Some(flow) = self.flows.get_mut(key) else { return };
        let end = &mut flow.ends[end];
        if end.is_none() {
            *end = Some(Arc::new(Attribution::Unknown(Unknown::Unanswered)));
            self.unanswered += u64::from(is_responder);
        }
    }

    fn insert(&mut self, reply: LookupReply) {
        let Some((key, end, port)) = self.outstanding.remove(&reply.id) else { return };
        let unanswered = |attribution: &mut Arc<Attribution>| {
            **attribution == Attribution::Unknown(Unknown::Unanswered)
        };
        let known = self.flows.get_mut(&key).map(|flow| &mut flow.ends[end]);
        if known.and_then(|known| known.take_if(unanswered)).is_some() {
            self.unanswered -= u64::from(port.is_some());
        }
        let attribution = Arc::new(match reply.result {
            LookupResult::Elsewhere => return,
            LookupResult::Unknown(why) => Attribution::Unknown(why),
            LookupResult::Known(holders, ground) => Attribution::Known(
                holders.into_iter().map(|holder| self.deduplicated(holder)).collect(),
                ground,
            ),
        });
        let is_known = !attribution.holders().is_empty();
        if let Some(port) = port.filter(|_| is_known) {
            self.ports.insert(port, Arc::clone(&attribution));
        }
        if let Some(flow) = self.flows.get_mut(&key) {
            // A later "gone" does not replace known processes, but marks them as out of date.
            let newer = match &flow.ends[end] {
                Some(known) if !is_known && !known.holders().is_empty() => {
                    Arc::new(known.as_past())
                }
                _ => attribution,
            };
            flow.ends[end] = Some(newer);
        }
    }

    /// All flows of the same process share one allocation.
    fn deduplicated(&mut self, holder: Holder) -> Arc<Holder> {
        if let Some(known) = self.holders.get(&holder) {
            return Arc::clone(known);
        }
        if self.holders.len() >= MAX_HOLDERS {
            self.holders.clear();
        }
        let holder = Arc::new(holder);
        self.holders.insert(Arc::clone(&holder));
        holder
    }
}

/// The key of a flow, and the end of it that is the initiator.
fn flow_key(record: &FlowRecord) -> (FlowKey, usize) {
    FlowKey::new(&FiveTuple {
        source: record.initiator,
        destination: record.responder,
        transport: record.transport,
    })
}

/// Sends the requests of the queue, those that have accumulated in one write.
fn send_requests(queue: &Receiver<LookupRequest>, connection: HelperConnection) {
    let mut out = BufWriter::new(connection);
    while let Ok(first) = queue.recv() {
        for request in std::iter::once(first).chain(queue.try_iter()) {
            let is_sent =
                serde_json::to_writer(&mut out, &request).is_ok() && out.write_all(b"\n").is_ok();
            if !is_sent {
                return;
            }
        }
        if out.flush().is_err() {
            return;
        }
    }
    // The helper process ends with its input.
    drop(out.get_ref().shutdown(std::net::Shutdown::Write));
}

/// Enters the replies into the cache until the connection ends.
fn receive_replies(connection: HelperConnection, cache: &SharedCache, notify: impl Fn(&str)) {
    let mut reader = BufReader::new(connection);
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).unwrap_or(0);
        let reply = serde_json::from_slice(&line).ok().filter(|_| length > 0);
        let Some(reply) = reply else { break };
        let mut state = cache.lock();
        state.insert(reply);
        if state.outstanding.is_empty() {
            cache.all_replied.notify_all();
        }
    }
    cache.set_life(Life::Ended, notify);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Endpoint, Transport};

    fn holder(pid: i32) -> Holder {
        Holder {
            name: "node".into(),
            pid,
            command: String::new(),
            user: "u".into(),
            container: None,
        }
    }

    /// A flow to port 3001, and the end of its key that is the initiator.
    fn flow(port: u16) -> (FlowKey, usize) {
        let end = |port| Endpoint { address: [127, 0, 0, 1].into(), port };
        FlowKey::new(&FiveTuple {
            source: end(port),
            destination: end(3001),
            transport: Transport::Tcp,
        })
    }

    /// The attribution of a flow's responder, as text.
    fn known(state: &CacheState, (key, initiator): (FlowKey, usize)) -> String {
        match state.processes(&key, initiator).responder.as_deref() {
            None => "nothing".into(),
            Some(Attribution::Unknown(why)) => why.as_str().into(),
            Some(Attribution::Known(holders, ground)) => {
                format!("{} {}", holders[0].pid, ground.as_str())
            }
        }
    }

    #[test]
    fn a_process_that_may_be_out_of_date_is_past() {
        let mut state = CacheState::default();
        let mut reply = |flow: (FlowKey, usize), result: LookupResult| {
            let port = ServicePort::new(3001, Transport::Tcp);
            state.flows.entry(flow.0).or_default();
            state.outstanding.insert(0, (flow.0, 1 - flow.1, Some(port)));
            state.insert(LookupReply { id: 0, result });
            known(&state, flow)
        };
        assert_eq!(reply(flow(1), LookupResult::Unknown(Unknown::Gone)), "gone");
        assert_eq!(
            reply(flow(1), LookupResult::Known(vec![holder(7)], Ground::Socket)),
            "7 socket"
        );
        assert_eq!(reply(flow(1), LookupResult::Unknown(Unknown::Gone)), "7 past");
        assert_eq!(reply(flow(1), LookupResult::Unknown(Unknown::Gone)), "7 past");
        assert_eq!(
            reply(flow(1), LookupResult::Known(vec![holder(8)], Ground::Listener)),
            "8 listener"
        );
        assert_eq!(
            known(&state, (flow(1).0, 1 - flow(1).1)),
            "nothing",
            "turned round, the flow has no process at its other end"
        );
        // A flow that is not in the cache has the last known process of its port.
        assert_eq!(known(&state, flow(2)), "8 past");
    }

    #[test]
    fn flows_that_begin_while_the_helper_process_cannot_answer_say_so() {
        let (requests, queue) = sync_channel(MAX_QUEUED);
        let shared = Arc::new(SharedCache { state: Mutex::default(), all_replied: Condvar::new() });
        let cache = ProcessCache { requests, shared };
        let said = Mutex::new(Vec::new());
        let set = |life| {
            cache.shared.set_life(life, |line| said.lock().unwrap().push(line.to_owned()));
        };
        let begin = |port| {
            let (key, initiator) = flow(port);
            cache.begin(&key, initiator);
            queue.try_iter().count()
        };
        let known = |port| known(&cache.shared.lock(), flow(port));
        assert_eq!((begin(1), known(1)), (2, "nothing".into()));
        set(Life::Stopped);
        assert_eq!((begin(2), known(1), known(2)), (0, "unanswered".into(), "unanswered".into()));
        assert_eq!(known(3), "unanswered", "of a flow that is not in the cache");
        assert!(cache.warnings()[0].starts_with("2 flows without a process lookup: "));
        set(Life::Running);
        let result = LookupResult::Known(vec![holder(7)], Ground::Socket);
        cache.shared.lock().insert(LookupReply { id: 0, result });
        assert_eq!((known(1), known(2)), ("7 socket".into(), "unanswered".into()));
        assert_eq!(begin(4), 2, "requests go on");
        // The connection ends, and the process.
        set(Life::Ended);
        set(Life::Ended);
        assert_eq!((begin(5), known(1), known(5)), (0, "7 socket".into(), "unanswered".into()));
        assert!(cache.warnings()[0].starts_with("3 flows without a process lookup: "));
        let said = said.into_inner().unwrap();
        let words = ["was stopped", "continues", "has ended"];
        assert_eq!(said.len(), words.len(), "{said:?}");
        assert!(said.iter().zip(words).all(|(line, words)| line.contains(words)), "{said:?}");
    }
}
