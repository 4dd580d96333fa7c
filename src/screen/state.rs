//! The state of the screen, and the effect of keys on it.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::Arc;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::filter::PortFilter;
use super::history::History;
use crate::catalogue::Catalogue;
use crate::decode::ServicePort;
use crate::pipeline::{JudgedFlow, Snapshot, SnapshotRequest, SnapshotRequester};
use crate::report::parts::display_filter::FilterOn;
use crate::stats::PortStats;

/// Messages that are kept until the screen ends, the latest ones.
const MESSAGES: usize = 100;

/// The order of the ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Rate,
    Bytes,
    Flows,
    Port,
}

impl Sort {
    const fn next(self) -> Self {
        match self {
            Self::Rate => Self::Bytes,
            Self::Bytes => Self::Flows,
            Self::Flows => Self::Port,
            Self::Port => Self::Rate,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Bytes => "bytes",
            Self::Flows => "flows",
            Self::Port => "port",
        }
    }
}

/// The page that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    /// All ports.
    List,
    /// One port, with the index of the chosen flow, and whether its reasons are shown.
    Port { port: ServicePort, flow: usize, why: bool },
}

/// Everything that the screen shows.
pub(super) struct ScreenState {
    pub(super) title: String,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) colour: bool,
    pub(super) filter_on: FilterOn,
    requester: SnapshotRequester,
    /// The latest view. Its counts are shown even while the screen is paused.
    pub(super) latest: Option<Snapshot>,
    /// The view that is shown while the screen is paused.
    paused: Option<Snapshot>,
    pub(super) history: History,
    pub(super) page: Page,
    pub(super) sort: Sort,
    pub(super) filter: PortFilter,
    pub(super) filter_text: String,
    /// The filter that is being typed, and what is wrong with it.
    pub(super) typing: Option<(String, Option<String>)>,
    /// The chosen port of the list.
    pub(super) chosen: Option<ServicePort>,
    /// The index of the first row that is shown.
    pub(super) top: usize,
    /// The number of rows that were drawn last.
    pub(super) rows: usize,
    messages: VecDeque<String>,
}

impl ScreenState {
    pub(super) fn new(
        title: String,
        catalogue: Arc<Catalogue>,
        requester: SnapshotRequester,
        colour: bool,
    ) -> Self {
        Self {
            title,
            catalogue,
            colour,
            filter_on: FilterOn::default(),
            requester,
            latest: None,
            paused: None,
            history: History::default(),
            page: Page::List,
            sort: Sort::Rate,
            filter: PortFilter::default(),
            filter_text: String::new(),
            typing: None,
            chosen: None,
            top: 0,
            rows: 0,
            messages: VecDeque::new(),
        }
    }

    /// Takes a new view of the capture.
    pub(super) fn update(&mut self, view: Snapshot) {
        self.history.update(&view);
        self.catalogue = Arc::clone(&view.run.catalogue);
        self.latest = Some(view);
    }

    pub(super) fn add_message(&mut self, message: String) {
        if self.messages.len() == MESSAGES {
            self.messages.pop_front();
        }
        self.messages.push_back(message);
    }

    /// The latest message.
    pub(super) fn message(&self) -> Option<&str> {
        self.messages.back().map(String::as_str)
    }

    pub(super) fn into_messages(self) -> Vec<String> {
        self.messages.into()
    }

    /// The view that is shown.
    pub(super) fn view(&self) -> Option<&Snapshot> {
        self.paused.as_ref().or(self.latest.as_ref())
    }

    pub(super) const fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// The flows of a port that the view has, the latest first.
    pub(super) fn flows(&self, port: ServicePort) -> impl Iterator<Item = &JudgedFlow> {
        let all = self.view().into_iter().flat_map(|view| &view.run.flows);
        all.filter(move |flow| flow.record.service_port() == port)
    }

    /// The ports that the filter selects, in the chosen order.
    pub(super) fn ports(&self) -> Vec<(ServicePort, &PortStats)> {
        let all = self.view().into_iter().flat_map(|view| &view.run.stats.ports);
        let mut ports: Vec<_> = all
            .filter(|(port, stats)| self.filter.matches(&self.catalogue, **port, stats))
            .map(|(&p, s)| (p, s))
            .collect();
        ports.sort_by_cached_key(|(port, stats)| {
            let bytes = Reverse(stats.all.bytes.sum());
            match self.sort {
                Sort::Rate => (Reverse(self.history.rate(*port)), bytes, *port),
                Sort::Bytes => (bytes, bytes, *port),
                Sort::Flows => (Reverse(stats.all.flows), bytes, *port),
                Sort::Port => (Reverse(0), Reverse(0), *port),
            }
        });
        ports
    }

    /// Applies a key. Returns `false` if it ends the screen.
    pub(super) fn press(&mut self, key: KeyEvent) -> bool {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return !matches!(key.code, KeyCode::Char('c' | 'd'));
        }
        if let Some((text, _)) = self.typing.take() {
            self.type_filter(text, key.code);
            return true;
        }
        let page_rows = self.rows.max(2) as isize - 1;
        match key.code {
            KeyCode::Char('q') => return false,
            KeyCode::Char('/') if self.page == Page::List => {
                self.typing = Some((self.filter_text.clone(), None));
            }
            KeyCode::Char('s') => self.sort = self.sort.next(),
            KeyCode::Char('p' | ' ') => self.toggle_pause(),
            KeyCode::Char('w') => self.toggle_why(),
            KeyCode::Enter => self.open(false),
            KeyCode::Esc | KeyCode::Backspace | KeyCode::Left => self.back(),
            KeyCode::Up | KeyCode::Char('k') => self.step(-1),
            KeyCode::Down | KeyCode::Char('j') => self.step(1),
            KeyCode::PageUp => self.step(-page_rows),
            KeyCode::PageDown => self.step(page_rows),
            KeyCode::Home | KeyCode::Char('g') => self.step(isize::MIN),
            KeyCode::End | KeyCode::Char('G') => self.step(isize::MAX),
            _ => {}
        }
        true
    }

    /// Applies a key while a filter is typed: Enter takes the filter, Esc keeps the old one.
    fn type_filter(&mut self, mut text: String, key: KeyCode) {
        match key {
            KeyCode::Esc => return,
            KeyCode::Enter => match PortFilter::parse(&text) {
                Ok(filter) => {
                    (self.filter, self.filter_text, self.top) = (filter, text, 0);
                    return;
                }
                Err(fault) => {
                    self.typing = Some((text, Some(fault)));
                    return;
                }
            },
            KeyCode::Backspace => drop(text.pop()),
            KeyCode::Char(c) => text.push(c),
            _ => {}
        }
        self.typing = Some((text, None));
    }

    fn toggle_pause(&mut self) {
        self.paused = match self.paused.take() {
            // The paused view is the latest one until the next comes.
            Some(view) => {
                self.latest.get_or_insert(view);
                None
            }
            None => self.latest.take(),
        };
    }

    fn open(&mut self, why: bool) {
        if let (Page::List, Some(port)) = (self.page, self.chosen) {
            self.page = Page::Port { port, flow: 0, why };
            self.requester
                .request(SnapshotRequest { port: Some(port), ..SnapshotRequest::default() });
        }
    }

    fn toggle_why(&mut self) {
        match &mut self.page {
            Page::List => self.open(true),
            Page::Port { why, .. } => *why = !*why,
        }
    }

    fn back(&mut self) {
        if self.page == Page::List {
            (self.filter, self.filter_text) = (PortFilter::default(), String::new());
        } else {
            self.page = Page::List;
            self.requester.request(SnapshotRequest::default());
        }
    }

    fn step(&mut self, by: isize) {
        let moved = |at: usize, len: usize| at.saturating_add_signed(by).min(len.saturating_sub(1));
        if let Page::Port { port, flow, why } = self.page {
            let flows = self.flows(port).count();
            self.page = Page::Port { port, flow: moved(flow, flows), why };
            return;
        }
        let ports: Vec<ServicePort> = self.ports().into_iter().map(|(port, _)| port).collect();
        let at = self.chosen.and_then(|chosen| ports.iter().position(|port| *port == chosen));
        self.chosen = ports.get(at.map_or(0, |at| moved(at, ports.len()))).copied();
    }
}
