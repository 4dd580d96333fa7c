//! The state of the screen, and the effect of keys on it.

use std::collections::VecDeque;
use std::sync::Arc;

use ratatui::crossterm::event::{KeyCode, KeyEvent};

use super::columns::{SortOrder, Sorting};
use super::filter::{FilterPrompt, RowFilter};
use super::history::History;
use super::keys::{self, KeyAction};
use super::lists::{ListKind, ListSource, RowKey};
use super::view::View;
use crate::catalogue::Catalogue;
use crate::decode::ServicePort;
use crate::pipeline::{FlowDetail, JudgedFlow, Snapshot, SnapshotRequest, SnapshotRequester};
use crate::report::parts::display_filter::FilterOn;
use crate::stats::ServerKey;

/// Messages that are kept until the screen ends, the latest ones.
const MESSAGES: usize = 100;
/// Columns by which a text scrolls sideways.
const SIDEWAYS: usize = 8;

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
    pub(super) catalogue: Arc<Catalogue>,
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
        self.catalogue = Arc::clone(&snapshot.run.catalogue);
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

    /// Applies a key. Returns `false` if it ends the screen.
    pub(super) fn press(&mut self, key: KeyEvent) -> bool {
        let action = keys::action(key, self.prompt.is_some());
        if let Some(mut prompt) = self.prompt.take() {
            match action {
                Some(KeyAction::Quit) => return false,
                Some(action) => self.edit(prompt, action),
                None => {
                    if let KeyCode::Char(c) = key.code {
                        let filter = prompt.push(c);
                        self.apply(filter);
                    }
                    self.prompt = Some(prompt);
                }
            }
            return true;
        }
        action.is_none_or(|action| self.act(action))
    }

    /// Does what a key is for. Returns `false` if it ends the screen.
    fn act(&mut self, action: KeyAction) -> bool {
        let page_rows = self.height.max(2) as isize - 1;
        match action {
            KeyAction::Quit => return false,
            KeyAction::Help => {
                self.help = if self.help.is_some() { None } else { Some(Scroll::default()) };
            }
            KeyAction::View(place) => self.show_list(place),
            KeyAction::NextView => self.show_list((self.list() as usize + 1) % 4),
            KeyAction::PreviousView => self.show_list((self.list() as usize + 3) % 4),
            KeyAction::Pause => self.toggle_pause(),
            KeyAction::Up => self.step(-1),
            KeyAction::Down => self.step(1),
            KeyAction::PageUp => self.step(-page_rows),
            KeyAction::PageDown => self.step(page_rows),
            KeyAction::Top => self.step(isize::MIN),
            KeyAction::Bottom => self.step(isize::MAX),
            KeyAction::Left => self.scroll_sideways(false),
            KeyAction::Right => self.scroll_sideways(true),
            KeyAction::Back => self.back(),
            KeyAction::Open if self.help.is_none() => self.open(),
            KeyAction::Filter if self.help.is_none() && matches!(self.page(), Page::List(_)) => {
                let (text, filter) = (self.filter_text.clone(), self.filter.clone());
                self.prompt = Some(FilterPrompt::new(text, filter));
            }
            KeyAction::Sort if self.help.is_none() => {
                let kind = self.kind();
                let sorting = &mut self.sortings[kind as usize];
                *sorting = sorting.next(kind.columns());
                self.refresh();
            }
            KeyAction::Reverse if self.help.is_none() => {
                let sorting = &mut self.sortings[self.kind() as usize];
                sorting.is_reversed = !sorting.is_reversed;
                self.refresh();
            }
            _ => {}
        }
        true
    }

    /// Applies a key that edits the filter.
    fn edit(&mut self, mut prompt: FilterPrompt, action: KeyAction) {
        let filter = match action {
            KeyAction::Cancel => {
                let (text, filter) = prompt.before;
                self.filter_text = text;
                self.apply(Some(filter));
                return;
            }
            KeyAction::Accept => match RowFilter::parse(&prompt.text) {
                Ok(filter) => {
                    self.filter_text = prompt.text.trim().to_owned();
                    self.apply(Some(filter));
                    return;
                }
                Err(fault) => {
                    prompt.fault = Some(fault);
                    None
                }
            },
            KeyAction::Delete => prompt.delete(),
            KeyAction::Clear => prompt.clear(),
            KeyAction::Complete => prompt.complete(&|field| self.values(field)),
            _ => None,
        };
        self.apply(filter);
        self.prompt = Some(prompt);
    }

    /// Filters by this, if it is a filter.
    fn apply(&mut self, filter: Option<RowFilter>) {
        if let Some(filter) = filter {
            self.filter = filter;
            self.refresh();
        }
    }

    /// The values that a field of the filter has in what is shown, in order.
    pub(super) fn values(&self, field: &str) -> Vec<String> {
        let (Some(source), Page::List(kind)) = (self.source(), self.page()) else {
            return Vec::new();
        };
        kind.values(source, field)
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
        self.refresh();
    }

    /// Shows the list at this place.
    fn show_list(&mut self, place: usize) {
        self.help = None;
        if let Some((_, cursor)) = self.pages.first() {
            self.cursors[self.list() as usize] = *cursor;
        }
        let Some(kind) = ListKind::ALL.get(place) else { return };
        self.pages = vec![(Page::List(*kind), self.cursors[place])];
        self.turn_to(SnapshotRequest::default());
    }

    /// Shows the page that is now the last one.
    fn turn_to(&mut self, request: SnapshotRequest) {
        self.scroll = Scroll::default();
        self.requester.request(request);
        self.refresh();
    }

    /// Opens the row that is chosen.
    fn open(&mut self) {
        let Some(row) = self.chosen() else { return };
        let mut cursor = Cursor::default();
        let page = match row {
            RowKey::Port(port) => Page::Port(port),
            RowKey::Server(key) => Page::Server(key),
            RowKey::Finding(id) => {
                let Some(view) = self.view() else { return };
                let Some(finding) = view.finding(id) else { return };
                let ServicePort { port, transport } = finding.port;
                let key = finding.server.map(|address| ServerKey { address, port, transport });
                // The flow that has the frame is chosen, where it is still known.
                let flows = view.snapshot.run.flows.iter().map(|flow| &flow.record);
                let mut flows = flows.filter(|record| record.service_port() == finding.port);
                let holds = finding.frame.and_then(|frame| {
                    flows.find(|record| (record.first_frame..=record.last_frame).contains(&frame))
                });
                cursor.chosen = holds.map(|record| RowKey::Flow(record.first_frame));
                match key.filter(|key| view.server(*key).is_some()) {
                    Some(key) => Page::Server(key),
                    None => Page::Port(finding.port),
                }
            }
            RowKey::Flow(frame) => {
                let Some(flow) = self.view().and_then(|view| view.flow(frame)) else { return };
                let flow = flow.clone();
                self.flow = Some(OpenedFlow { flow, detail: None, is_answered: false });
                Page::Flow(frame)
            }
        };
        self.pages.push((page, cursor));
        self.turn_to(self.request());
    }

    /// The flows that the pages show.
    fn request(&self) -> SnapshotRequest {
        self.pages.iter().fold(SnapshotRequest::default(), |request, (page, _)| match *page {
            Page::List(_) => request,
            Page::Port(port) => SnapshotRequest { port: Some(port), ..request },
            Page::Server(key) => SnapshotRequest {
                port: Some(key.service_port()),
                host: Some(key.address),
                ..request
            },
            Page::Flow(frame) => SnapshotRequest { flow: Some(frame), ..request },
        })
    }

    /// Goes back: out of help, to the page before, or to the list without a filter.
    fn back(&mut self) {
        if self.help.take().is_some() {
            return;
        }
        if self.pages.len() > 1 {
            self.pages.pop();
            self.turn_to(self.request());
        } else {
            (self.filter, self.filter_text) = (RowFilter::default(), String::new());
            self.refresh();
        }
    }

    fn step(&mut self, by: isize) {
        let is_text = matches!(self.page(), Page::Flow(_));
        if let Some(scroll) = self.help.as_mut().or(is_text.then_some(&mut self.scroll)) {
            // What is drawn never goes beyond the end.
            scroll.lines = scroll.lines.saturating_add_signed(by);
            return;
        }
        let last = self.rows.len().saturating_sub(1);
        let chosen = self.rows.get(self.place().saturating_add_signed(by).min(last)).copied();
        if let Some(cursor) = self.cursor() {
            cursor.chosen = chosen;
        }
    }

    fn scroll_sideways(&mut self, is_right: bool) {
        let scroll = self.help.as_mut().unwrap_or(&mut self.scroll);
        scroll.columns = if is_right {
            scroll.columns.saturating_add(SIDEWAYS)
        } else {
            scroll.columns.saturating_sub(SIDEWAYS)
        };
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
