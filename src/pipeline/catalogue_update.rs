//! A catalogue on its way to the workers, at the start and on SIGHUP.

use std::sync::Arc;

use crate::catalogue::Catalogue;
use crate::decode::ServicePort;
use crate::flow::{PortRank, ServicePorts};

/// A catalogue, and the ports that it knows.
#[derive(Clone)]
pub(super) struct CatalogueUpdate {
    pub(super) catalogue: Arc<Catalogue>,
    /// Ports with a name or a claim. The better known port of a flow whose beginning was not
    /// captured is taken for the responder's.
    pub(super) ports: Arc<ServicePorts>,
}

impl CatalogueUpdate {
    pub(super) fn new(catalogue: Arc<Catalogue>) -> Self {
        let mut ports = ServicePorts::default();
        for ServicePort { port, transport } in catalogue.registry.named_ports() {
            ports.set(transport, port, PortRank::Registered);
        }
        for ServicePort { port, transport } in catalogue.claimed_ports() {
            ports.set(transport, port, PortRank::Claimed);
        }
        Self { catalogue, ports: Arc::new(ports) }
    }
}
