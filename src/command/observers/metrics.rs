//! Counters for Prometheus.

use std::sync::{Arc, Mutex, PoisonError};

use portlore::Result;
use portlore::metrics_server::MetricsServer;
use portlore::pipeline::Snapshot;
use portlore::report::formats::openmetrics::{ExpositionFormat, Metrics};

use super::Observer;

/// Updates the counters that a metrics server serves.
pub struct MetricsObserver(Arc<Mutex<ServedMetrics>>);

/// Counters, and their text where somebody asked for it since they changed: however many ask, the
/// text is made once, and kept once.
#[derive(Default)]
struct ServedMetrics {
    metrics: Metrics,
    texts: Vec<(ExpositionFormat, Arc<str>)>,
}

impl ServedMetrics {
    fn text(&mut self, format: ExpositionFormat) -> Arc<str> {
        if let Some((_, text)) = self.texts.iter().find(|(of, _)| *of == format) {
            return Arc::clone(text);
        }
        let text: Arc<str> = self.metrics.text(format).into();
        self.texts.push((format, Arc::clone(&text)));
        text
    }
}

impl MetricsObserver {
    /// Serves the counters until the program ends.
    ///
    /// # Errors
    /// [`ErrorKind::System`] where the thread cannot be started.
    pub fn serve(server: MetricsServer) -> Result<Self> {
        let metrics = Arc::new(Mutex::new(ServedMetrics::default()));
        let served = Arc::clone(&metrics);
        server
            .serve(move |form| served.lock().unwrap_or_else(PoisonError::into_inner).text(form))?;
        Ok(Self(metrics))
    }
}

impl Observer for MetricsObserver {
    fn observe(&mut self, snapshot: &Snapshot) {
        let mut served = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        served.metrics.update(snapshot);
        served.texts.clear();
    }
}
