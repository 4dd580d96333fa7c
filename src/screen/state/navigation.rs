//! The effect of keys.

use ratatui::crossterm::event::{KeyCode, KeyEvent};

use super::{Cursor, OpenedFlow, Page, ScreenState, Scroll};
use crate::pipeline::SnapshotRequest;
use crate::screen::filter::{FilterPrompt, RowFilter};
use crate::screen::keys::{self, KeyAction};
use crate::screen::lists::{ListKind, RowKey};

/// Columns by which a text scrolls sideways.
const SIDEWAYS: usize = 8;

impl ScreenState {
    /// Applies a key. Returns `false` if it ends the screen.
    pub(in crate::screen) fn press(&mut self, key: KeyEvent) -> bool {
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
                self.apply(Some(prompt.before));
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
                // The flow that has the frame is chosen, where it is still known.
                let flows = view.snapshot.run.flows.iter().map(|flow| &flow.record);
                let mut flows = flows.filter(|record| record.service_port() == finding.port);
                let holds = finding.frame.and_then(|frame| {
                    flows.find(|record| (record.first_frame..=record.last_frame).contains(&frame))
                });
                cursor.chosen = holds.map(|record| RowKey::Flow(record.first_frame));
                match finding.server_key().filter(|key| view.server(*key).is_some()) {
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
