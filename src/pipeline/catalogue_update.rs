//! A catalogue on its way to the workers, at the start and on SIGHUP.

use std::sync::Arc;

use crate::catalogue::Catalogue;
use crate::flow::{ServicePorts, Standing};

/// A catalogue, and the ports for which it names a service.
#[derive(Clone)]
pub(super) struct CatalogueUpdate<'c> {
    pub(super) catalogue: &'c Catalogue,
    /// They decide who opened a flow whose beginning was not captured.
    pub(super) ports: Arc<ServicePorts>,
}

impl<'c> CatalogueUpdate<'c> {
    pub(super) fn new(catalogue: &'c Catalogue) -> Self {
        let mut ports = ServicePorts::default();
        for (port, transport) in catalogue.registry.named_ports() {
            ports.set(transport, port, Standing::Registered);
        }
        for (port, transport) in catalogue.claimed_ports() {
            ports.set(transport, port, Standing::Claimed);
        }
        Self { catalogue, ports: Arc::new(ports) }
    }
}
