//! Counters for Prometheus.

use std::sync::{Arc, Mutex, PoisonError};

use portlore::endpoint::Endpoint;
use portlore::pipeline::Snapshot;
use portlore::report::openmetrics::Metrics;
use portlore::{ErrorKind, Result};

use super::Observer;
use crate::command::errors::with_kind;

/// Updates the counters that an endpoint serves.
pub struct MetricsObserver(Arc<Mutex<Metrics>>);

impl MetricsObserver {
    /// Serves the counters until the program ends.
    ///
    /// # Errors
    /// [`ErrorKind::System`] where the thread cannot be started.
    pub fn serve(endpoint: Endpoint) -> Result<Self> {
        let metrics = Arc::new(Mutex::new(Metrics::default()));
        let served = Arc::clone(&metrics);
        endpoint
            .serve(move |form| served.lock().unwrap_or_else(PoisonError::into_inner).text(form))
            .map_err(with_kind(ErrorKind::System))?;
        Ok(Self(metrics))
    }
}

impl Observer for MetricsObserver {
    fn observe(&mut self, snapshot: &Snapshot<'_>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).update(snapshot);
    }
}
