//! Bytes that are missing make no protocol and no service that is not there.

use std::collections::BTreeSet;
use std::sync::Arc;

use portlore::catalogue::Catalogue;
use portlore::classify::{Confidence, classify};
use portlore::decode::ServicePort;
use portlore::detect;
use portlore::evidence::{Depth, Protocol, Wanted};
use portlore::flow::{FlowKey, FlowRecord, Judge, Opening, VerdictId};

use crate::observed::observe;
use crate::run::captures;

/// What a conversation in a protocol turns to, or is made of: where its beginning is missing, that
/// is what is there.
const INSIDE: [(Protocol, Protocol); 5] = [
    (Protocol::Http, Protocol::Http2),
    (Protocol::Http, Protocol::Tls),
    (Protocol::Mysql, Protocol::Tls),
    (Protocol::Grpc, Protocol::Http2),
    // Without the answer, a request to change to WebSocket is HTTP.
    (Protocol::Websocket, Protocol::Http),
];

/// What was claimed of the flows of a capture.
struct Claims<'a> {
    catalogue: &'a Catalogue,
    protocols: BTreeSet<Protocol>,
    services: BTreeSet<Arc<str>>,
}

impl Judge for Claims<'_> {
    fn inspect_partial(&mut self, _: &mut Opening, _: &FlowKey) -> (Wanted, Option<VerdictId>) {
        (Wanted::Everything, None)
    }

    fn inspect(&mut self, opening: &mut Opening, key: &FlowKey) -> VerdictId {
        let evidence = detect::inspect(opening, Depth::Facts);
        let port = ServicePort::new(opening.responder(key).port, opening.transport());
        let verdict = classify(self.catalogue, port, Some(&evidence), false);
        self.protocols.extend(verdict.protocol);
        self.services.extend(verdict.also.iter().map(|service| Arc::clone(&service.id)));
        self.services.extend(
            verdict
                .service
                .filter(|_| verdict.confidence == Confidence::Mark)
                .map(|s| Arc::clone(&s.id)),
        );
        VerdictId(0)
    }

    fn close(&mut self, _: FlowRecord, _: Option<VerdictId>) {}
}

fn claims<'a>(
    capture: &str,
    catalogue: &'a Catalogue,
    kept: impl Fn(u64, bool) -> bool,
) -> Claims<'a> {
    let mut claims = Claims { catalogue, protocols: BTreeSet::new(), services: BTreeSet::new() };
    observe(capture, kept, &mut claims);
    claims
}

#[test]
fn what_is_left_of_a_capture_is_never_taken_for_something_else() {
    type Kept = fn(u64, bool) -> bool;
    const LOSSES: [(&str, Kept); 6] = [
        ("the end that spoke first", |_, first| first),
        ("the other end", |_, first| !first),
        ("what follows four segments", |number, _| number > 4),
        ("what follows nine segments", |number, _| number > 9),
        ("two segments of three", |number, _| number % 3 != 0),
        ("every other segment", |number, _| number % 2 == 1),
    ];
    let catalogue = Catalogue::load(&[]).unwrap();
    let mut wrong = Vec::new();
    for capture in captures("fixtures") {
        let whole = claims(&capture, &catalogue, |_, _| true);
        let inside: Vec<_> = whole.services.iter().filter_map(|id| catalogue.service(id)).collect();
        for (left, kept) in LOSSES {
            let claims = claims(&capture, &catalogue, kept);
            let is_there = |p| {
                whole.protocols.contains(&p)
                    || whole.protocols.iter().any(|&around| INSIDE.contains(&(around, p)))
            };
            let protocols =
                claims.protocols.iter().filter(|p| **p != Protocol::Text && !is_there(**p));
            wrong.extend(protocols.map(|protocol| format!("{capture}, {left}: {protocol}")));
            let services = claims.services.iter().filter(|id| !whole.services.contains(*id));
            let services = services
                .filter(|id| !inside.iter().any(|service| catalogue.builds_on(service, id)));
            wrong.extend(services.map(|id| format!("{capture}, {left}: {id}")));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
