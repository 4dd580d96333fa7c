//! Counters for Prometheus.

use std::sync::{Arc, Mutex, PoisonError};

use portlore::Result;
use portlore::metrics_server::MetricsServer;
use portlore::pipeline::Snapshot;
use portlore::report::formats::openmetrics::Metrics;

use super::Observer;

/// Updates the counters that a metrics server serves.
pub struct MetricsObserver(Arc<Mutex<Metrics>>);

impl MetricsObserver {
    /// Serves the counters until the program ends.
    ///
    /// # Errors
    /// [`ErrorKind::System`] where the thread cannot be started.
    pub fn serve(server: MetricsServer) -> Result<Self> {
        let metrics = Arc::new(Mutex::new(Metrics::default()));
        let served = Arc::clone(&metrics);
        server
            .serve(move |form| served.lock().unwrap_or_else(PoisonError::into_inner).text(form))?;
        Ok(Self(metrics))
    }
}

impl Observer for MetricsObserver {
    fn observe(&mut self, snapshot: &Snapshot) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).update(snapshot);
    }
}
