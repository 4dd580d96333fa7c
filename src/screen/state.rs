//! The state of the screen. `navigation.rs` is the effect of keys on it.

mod navigation;

use std::collections::VecDeque;

use super::columns::{SortOrder, Sorting};
use super::filter::{FilterPrompt, RowFilter};
use super::history::History;
use super::lists::{ListKind, ListSource, RowKey};
use super::view::View;
use crate::decode::ServicePort;
use crate::pipeline::{FlowDetail, JudgedFlow, Snapshot, SnapshotRequester};
use crate::report::parts::display_filter::FilterOn;
use crate::stats::ServerKey;

/// Messages that are kept until the screen ends, the latest ones.
const MESSAGES: usize = 100;

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    /// All of a kind.
    List(ListKind),
    /// A port with its flows.
    Port(ServicePort),
    /// A server with its flows.
    Server(ServerKey),
    /// The flow that began with the frame of this number.
    Flow(u64),
}

/// The row that is chosen, and the first one that is shown.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cursor {
    pub(super) chosen: Option<RowKey>,
    pub(super) top: usize,
}

/// Lines above, and columns to the left, of what is shown of a text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scroll {
    pub(super) lines: usize,
    pub(super) columns: usize,
}

/// The flow that is open.
pub(super) struct OpenedFlow {
    pub(super) flow: JudgedFlow,
    /// The latest answer about its first bytes.
    pub(super) detail: Option<Box<FlowDetail>>,
    /// Whether a snapshot has answered.
    pub(super) is_answered: bool,
}

/// Everything that the screen shows.
pub(super) struct ScreenState {
    pub(super) title: String,
    pub(super) colour: bool,
    pub(super) filter_on: FilterOn,
    requester: SnapshotRequester,
    /// The latest view. Its counts are shown even while the screen is paused.
    pub(super) latest: Option<View>,
    /// The view that is shown while the screen is paused.
    paused: Option<View>,
    pub(super) history: History,
    /// The pages from the list on, each with its cursor.
    pages: Vec<(Page, Cursor)>,
    /// The cursors of the lists that are not shown, in the order of their keys.
    cursors: [Cursor; 4],
    /// How each list is sorted.
    sortings: [Sorting; 4],
    /// The rows of the list that is shown, filtered and sorted.
    pub(super) rows: Vec<RowKey>,
    /// The number of rows without the filter.
    pub(super) all_rows: usize,
    pub(super) filter: RowFilter,
    pub(super) filter_text: String,
    /// The filter that is being typed.
    pub(super) prompt: Option<FilterPrompt>,
    pub(super) flow: Option<OpenedFlow>,
    /// How far the text is scrolled.
    pub(super) scroll: Scroll,
    /// How far help is scrolled, where it is open.
    pub(super) help: Option<Scroll>,
    /// The number of rows or lines that were drawn last.
    pub(super) height: usize,
    messages: VecDeque<String>,
}

impl ScreenState {
    pub(super) fn new(title: String, requester: SnapshotRequester, colour: bool) -> Self {
        Self {
            title,
            colour,
            filter_on: FilterOn::default(),
            requester,
            latest: None,
            paused: None,
            history: History::default(),
            pages: vec![(Page::List(ListKind::Ports), Cursor::default())],
            cursors: [Cursor::default(); 4],
            sortings: ListKind::ALL.map(ListKind::default_sorting),
            rows: Vec::new(),
            all_rows: 0,
            filter: RowFilter::default(),
            filter_text: String::new(),
            prompt: None,
            flow: None,
            scroll: Scroll::default(),
            help: None,
            height: 0,
            messages: VecDeque::new(),
        }
    }

    /// Takes a new snapshot of the capture.
    pub(super) fn update(&mut self, mut snapshot: Snapshot) {
        self.history.update(&snapshot);
        let (detail, request) = (snapshot.detail.take(), snapshot.request);
        let view = View::new(snapshot);
        if let (Page::Flow(wanted), Some(opened)) = (self.page(), &mut self.flow) {
            if let Some(detail) = detail.filter(|found| found.flow.record.first_frame == wanted) {
                opened.flow = detail.flow.clone();
                opened.detail = Some(detail);
            } else if let Some(flow) = view.flow(wanted) {
                // What was shown of its bytes stays true.
                opened.flow = flow.clone();
            }
            opened.is_answered |= request.flow == Some(wanted);
        }
        self.latest = Some(view);
        self.refresh();
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
    pub(super) fn view(&self) -> Option<&View> {
        self.paused.as_ref().or(self.latest.as_ref())
    }

    pub(super) const fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// The page that is shown.
    pub(super) fn page(&self) -> Page {
        self.pages.last().map_or(Page::List(ListKind::Ports), |(page, _)| *page)
    }

    /// The list at the bottom of the pages.
    pub(super) fn list(&self) -> ListKind {
        match self.pages.first() {
            Some((Page::List(kind), _)) => *kind,
            _ => ListKind::Ports,
        }
    }

    /// The kind of the rows that are shown.
    pub(super) fn kind(&self) -> ListKind {
        match self.page() {
            Page::List(kind) => kind,
            Page::Port(_) | Page::Server(_) | Page::Flow(_) => ListKind::Flows,
        }
    }

    pub(super) fn sorting(&self) -> Sorting {
        self.sortings[self.kind() as usize]
    }

    /// The cursor of the page that is shown.
    pub(super) fn cursor(&mut self) -> Option<&mut Cursor> {
        self.pages.last_mut().map(|(_, cursor)| cursor)
    }

    /// The place of the row that is chosen.
    pub(super) fn place(&self) -> usize {
        let chosen = self.pages.last().and_then(|(_, cursor)| cursor.chosen);
        chosen.and_then(|chosen| self.rows.iter().position(|row| *row == chosen)).unwrap_or(0)
    }

    /// Whether the view that is shown brought the flows of the page.
    pub(super) fn is_answered(&self) -> bool {
        let request = self.view().map(|view| view.snapshot.request);
        match self.page() {
            Page::List(_) | Page::Flow(_) => true,
            Page::Port(port) => request.is_some_and(|request| request.port == Some(port)),
            Page::Server(key) => request.is_some_and(|request| request.host == Some(key.address)),
        }
    }

    /// The row that is chosen.
    pub(super) fn chosen(&self) -> Option<RowKey> {
        self.rows.get(self.place()).copied()
    }

    /// What lists are made from.
    pub(super) fn source(&self) -> Option<ListSource<'_>> {
        self.view().map(|view| ListSource { view, history: &self.history })
    }

    /// Makes the rows anew: after a snapshot, and where the page, the filter or the order changed.
    fn refresh(&mut self) {
        let (page, kind) = (self.page(), self.kind());
        let sorting = self.sorting();
        let Some(source) = self.source() else { return };
        let mut rows = kind.rows(source.view);
        rows.retain(|row| is_of(source, page, *row));
        let all = rows.len();
        if matches!(page, Page::List(_)) {
            rows.retain(|row| kind.matches(source, *row, &self.filter));
        }
        if let Some(column) = kind.columns().get(sorting.column) {
            let number = |row: &RowKey| kind.number(source, *row, column.title);
            // Rows that are equal stay in their natural order, unless that is what is reversed.
            if sorting.is_reversed {
                rows.reverse();
            }
            match sorting.order(kind.columns()) {
                SortOrder::Ascending => rows.sort_by_cached_key(number),
                SortOrder::Descending => {
                    rows.sort_by_cached_key(|row| std::cmp::Reverse(number(row)));
                }
            }
        }
        (self.rows, self.all_rows) = (rows, all);
    }

    /// The values that a field of the filter has in what is shown, in order.
    pub(super) fn values(&self, field: &str) -> Vec<String> {
        let (Some(source), Page::List(kind)) = (self.source(), self.page()) else {
            return Vec::new();
        };
        kind.values(source, field)
    }
}

/// Whether a row is one of a page.
fn is_of(ListSource { view, .. }: ListSource<'_>, page: Page, row: RowKey) -> bool {
    let RowKey::Flow(frame) = row else { return true };
    let Some(record) = view.flow(frame).map(|flow| &flow.record) else { return false };
    match page {
        Page::Port(port) => record.service_port() == port,
        Page::Server(key) => {
            let ends = [record.initiator.address, record.responder.address];
            record.service_port() == key.service_port() && ends.contains(&key.address)
        }
        Page::List(_) | Page::Flow(_) => true,
    }
}
