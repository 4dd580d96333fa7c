//! The flows that count, where not all of them do.
//!
//! Whether a flow is selected is known when it ends: its size and its last packet may decide. What
//! its opening proves of its server is known earlier, and the opening does not stay. It therefore
//! waits here, some 200 bytes for each live flow that was classified, and is dropped with the flows
//! that are not selected.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::flow_evidence::FlowEvidence;
use super::run::SelectionCounts;
use super::{FlowSelector, FlowView};
use crate::decode::{FiveTuple, Tenant};
use crate::flow::{FlowKey, FlowRecord, Tenants};
use crate::stats::{DnsParents, Servers};

/// A key without the number of its tenant, and the tenant.
type SelectionKey = (FlowKey, Tenant);

/// The flows of one worker that count.
pub(super) struct FlowSelection<'p> {
    selector: FlowSelector<'p>,
    tenants: Tenants,
    /// What openings of live flows prove.
    waiting: HashMap<SelectionKey, FlowEvidence, RandomState>,
    /// The flows that have ended.
    pub(super) ended: SelectionCounts,
}

impl<'p> FlowSelection<'p> {
    pub(super) fn new(selector: FlowSelector<'p>, tenants: Tenants) -> Self {
        Self { selector, tenants, waiting: HashMap::default(), ended: SelectionCounts::default() }
    }

    /// Keeps what is known of a flow until it ends.
    pub(super) fn keep(&mut self, key: &FlowKey, evidence: FlowEvidence) {
        if !evidence.is_empty() {
            let key = (key.of_tenant(0), self.tenants.get(key.tenant()));
            self.waiting.entry(key).or_default().extend(evidence);
        }
    }

    /// What waits for the end of the flow with this key.
    pub(super) fn waiting_of(&self, key: &FlowKey) -> Option<&FlowEvidence> {
        self.waiting.get(&(key.of_tenant(0), self.tenants.get(key.tenant())))
    }

    /// Counts a flow that ends. If it is selected, what its opening proves goes to the statistics.
    pub(super) fn end(
        &mut self,
        flow: FlowView<'_>,
        stored: (&mut Servers, &mut DnsParents),
    ) -> bool {
        let evidence = self.waiting.remove(&key(flow.record));
        let is_selected = self.ended.count((self.selector.selects)(flow));
        if is_selected && let Some(evidence) = evidence {
            evidence.pass_to(stored);
        }
        is_selected
    }

    /// Whether a live flow is selected as it stands.
    pub(super) fn selects(&self, flow: FlowView<'_>) -> bool {
        (self.selector.selects)(flow)
    }

    /// What the opening of a live flow proves.
    pub(super) fn waiting(&self, record: &FlowRecord) -> Option<&FlowEvidence> {
        self.waiting.get(&key(record))
    }
}

fn key(record: &FlowRecord) -> SelectionKey {
    let FlowRecord { initiator, responder, transport, tenant, .. } = *record;
    let (key, _) =
        FlowKey::new(&FiveTuple { source: initiator, destination: responder, transport });
    (key, tenant)
}
