use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::*;
use crate::catalogue::Catalogue;
use crate::decode::Transport;
use crate::flow::Counts;
use crate::pipeline::{CaptureCounters, Run};
use crate::source::Drops;

static CATALOGUE: LazyLock<Arc<Catalogue>> =
    LazyLock::new(|| Arc::new(Catalogue::load(&[]).unwrap()));

fn view(ports: &[(u16, u64)]) -> Snapshot {
    let mut stats = Stats::default();
    for &(port, bytes) in ports {
        let PortStats { all, distributions, .. } =
            stats.ports.entry(ServicePort::new(port, Transport::Tcp)).or_default();
        all.flows = 1;
        all.bytes = Counts { initiator: bytes, responder: 1 };
        all.outcomes[Outcome::Established as usize] = 1;
        distributions.as_mut().unwrap().handshake_rtt_ns.add(2_000_000, 1);
    }
    let run = Run {
        sensors: Vec::new(),
        files: None,
        catalogue: Arc::clone(&CATALOGUE),
        counters: CaptureCounters::default(),
        drops: Drops { kernel: 3, interface: 0 },
        problems: Vec::new(),
        notices: Vec::new(),
        interfaces: Vec::new(),
        evicted: 0,
        selected: None,
        stats,
        flows: Vec::new(),
        saved: None,
    };
    let view = Snapshot::of_run(run, Duration::from_secs(1));
    Snapshot { live_flows: 1, held_flows: 2, ..view }
}

/// The value of a sample.
fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{series} is not in\n{text}")).parse().unwrap()
}

#[test]
fn a_counter_never_goes_back() {
    let mut metrics = Metrics::default();
    let series = "portlore_port_bytes_total{port=\"3001\",transport=\"tcp\",side=\"initiator\"}";
    for (bytes, shown) in [(500, 500.0), (400, 500.0), (600, 600.0)] {
        metrics.update(&view(&[(3001, bytes)]));
        assert!((value(&metrics.text(ExpositionFormat::Text), series) - shown).abs() < 0.1);
    }
}

#[test]
fn more_ports_than_there_is_room_for_are_one_and_stay_so() {
    let mut metrics = Metrics::default();
    let many: Vec<(u16, u64)> = (1..=1000).map(|port| (port, u64::from(port))).collect();
    metrics.update(&view(&many));
    let text = metrics.text(ExpositionFormat::Text);
    assert_eq!(text.matches("\nportlore_port_flows_total{").count(), PORTS + 1);
    assert!(
        (value(&text, "portlore_port_flows_total{port=\"other\",transport=\"tcp\"}") - 872.0).abs()
            < 0.1
    );
    assert!((value(&text, "portlore_folded_ports") - 872.0).abs() < 0.1);
    // The first was folded; that it is large later must not move what was counted.
    metrics.update(&view(&[(1, 1_000_000), (999, 999)]));
    let text = metrics.text(ExpositionFormat::Text);
    assert!(!text.contains("port=\"1\"") && text.contains("port=\"999\""), "{text}");
}

#[test]
fn ports_without_figures_are_counted_and_have_no_histogram_and_neither_has_what_they_are_part_of() {
    let many: Vec<(u16, u64)> = (1..=1000).map(|port| (port, 2000 - u64::from(port))).collect();
    let mut view = view(&many);
    view.run
        .stats
        .ports
        .iter_mut()
        .filter(|(port, _)| port.port > 100)
        .for_each(|(_, stats)| stats.distributions = None);
    let mut metrics = Metrics::default();
    metrics.update(&view);
    let text = metrics.text(ExpositionFormat::Text);
    assert!((value(&text, "portlore_ports_without_histograms") - 900.0).abs() < 0.1);
    assert_eq!(text.matches("\nportlore_port_flows_total{").count(), PORTS + 1);
    assert_eq!(text.matches("\nportlore_port_handshake_seconds_count{").count(), 100);
    assert!(!text.contains("portlore_port_handshake_seconds_count{port=\"other\""), "{text}");
}

#[test]
fn the_two_formats_name_counters_as_each_wants_it() {
    let mut metrics = Metrics::default();
    metrics.update(&view(&[(3001, 7)]));
    let (text, open) =
        (metrics.text(ExpositionFormat::Text), metrics.text(ExpositionFormat::OpenMetrics));
    assert!(
        text.contains("# TYPE portlore_frames_total counter\nportlore_frames_total 0\n"),
        "{text}"
    );
    assert!(
        open.contains("# TYPE portlore_frames counter\nportlore_frames_total 0\n")
            && open.ends_with("\n# EOF\n"),
        "{open}"
    );
    assert!(!text.contains("EOF"));
    for format in [&text, &open] {
        let of = |rest: &str| value(format, &format!("portlore_port_handshake_seconds_{rest}"));
        let port = "port=\"3001\",transport=\"tcp\"";
        assert!(of(&format!("bucket{{{port},le=\"0.001\"}}")) < 0.5);
        assert!(of(&format!("bucket{{{port},le=\"0.0025\"}}")) > 0.5);
        assert!(of(&format!("bucket{{{port},le=\"+Inf\"}}")) > 0.5);
        assert!((of(&format!("sum{{{port}}}")) - 0.002).abs() < 1e-9);
        assert!(
            (value(format, "portlore_dropped_frames_total{place=\"kernel\"}") - 3.0).abs() < 0.1
        );
    }
}

#[test]
fn what_a_process_calls_itself_cannot_break_out_of_its_label() {
    assert_eq!(label("process", "a\"} 1\nb\\\u{1b}"), "process=\"a\\\"} 1\\\\nb\\\\\\\\\\\\x1b\"");
}
