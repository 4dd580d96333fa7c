//! The keys: one table, which the screen obeys, help lists, and a test drives through a terminal.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Where keys have an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyGroup {
    /// In every view.
    Everywhere,
    /// In views that have rows to choose.
    Rows,
    /// In views that are a text: one connection, and help.
    Text,
    /// While a filter is typed.
    Filter,
}

impl KeyGroup {
    /// Every group, in the order of help.
    pub const ALL: [Self; 4] = [Self::Everywhere, Self::Rows, Self::Text, Self::Filter];

    /// The title in help.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Everywhere => "KEYS",
            Self::Rows => "IN LISTS",
            Self::Text => "IN A CONNECTION AND IN HELP",
            Self::Filter => "WHILE YOU TYPE A FILTER",
        }
    }
}

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyAction {
    Quit,
    Help,
    View(usize),
    NextView,
    PreviousView,
    Pause,
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
    Left,
    Right,
    Open,
    Back,
    Filter,
    Sort,
    Reverse,
    Complete,
    Accept,
    Cancel,
    Delete,
    Clear,
}

/// A key of the screen.
#[derive(Debug)]
pub struct ScreenKey {
    /// Its name in help.
    pub name: &'static str,
    /// What a terminal sends for it.
    pub sends: &'static str,
    code: KeyCode,
    action: KeyAction,
}

/// A line of help: keys with the same effect, or with opposite ones.
#[derive(Debug)]
pub struct KeyHelp {
    /// Where they have it.
    pub group: KeyGroup,
    /// The keys.
    pub keys: &'static [ScreenKey],
    /// The effect.
    pub effect: &'static str,
}

const fn key(
    name: &'static str,
    sends: &'static str,
    code: KeyCode,
    action: KeyAction,
) -> ScreenKey {
    ScreenKey { name, sends, code, action }
}

const fn letter(name: &'static str, letter: char, action: KeyAction) -> ScreenKey {
    ScreenKey { name, sends: name, code: KeyCode::Char(letter), action }
}

/// Every key that the screen obeys, in the order of help.
pub const KEYS: &[KeyHelp] = &[
    KeyHelp {
        group: KeyGroup::Everywhere,
        keys: &[letter("?", '?', KeyAction::Help), letter("h", 'h', KeyAction::Help)],
        effect: "open or close this help",
    },
    KeyHelp {
        group: KeyGroup::Everywhere,
        keys: &[
            letter("1", '1', KeyAction::View(0)),
            letter("2", '2', KeyAction::View(1)),
            letter("3", '3', KeyAction::View(2)),
            letter("4", '4', KeyAction::View(3)),
        ],
        effect: "ports, servers, findings, flows",
    },
    KeyHelp {
        group: KeyGroup::Everywhere,
        keys: &[
            key("Tab", "\t", KeyCode::Tab, KeyAction::NextView),
            key("Shift-Tab", "\x1b[Z", KeyCode::BackTab, KeyAction::PreviousView),
        ],
        effect: "next view, previous view",
    },
    KeyHelp {
        group: KeyGroup::Everywhere,
        keys: &[
            key("Esc", "\x1b", KeyCode::Esc, KeyAction::Back),
            key("Backspace", "\x7f", KeyCode::Backspace, KeyAction::Back),
        ],
        effect: "go back; in the four views, clear the filter",
    },
    KeyHelp {
        group: KeyGroup::Everywhere,
        keys: &[
            letter("p", 'p', KeyAction::Pause),
            key("Space", " ", KeyCode::Char(' '), KeyAction::Pause),
        ],
        effect: "pause or resume the view; packets are still captured",
    },
    KeyHelp {
        group: KeyGroup::Everywhere,
        keys: &[
            letter("q", 'q', KeyAction::Quit),
            // Control characters; a terminal in raw mode sends no signal for them.
            key("Ctrl-C", "\x03", KeyCode::Char('c'), KeyAction::Quit),
            key("Ctrl-D", "\x04", KeyCode::Char('d'), KeyAction::Quit),
        ],
        effect: "quit: end the capture and print the report",
    },
    KeyHelp {
        group: KeyGroup::Rows,
        keys: &[
            key("↑", "\x1b[A", KeyCode::Up, KeyAction::Up),
            letter("k", 'k', KeyAction::Up),
            key("↓", "\x1b[B", KeyCode::Down, KeyAction::Down),
            letter("j", 'j', KeyAction::Down),
        ],
        effect: "choose a row",
    },
    KeyHelp {
        group: KeyGroup::Rows,
        keys: &[
            key("PgUp", "\x1b[5~", KeyCode::PageUp, KeyAction::PageUp),
            key("PgDn", "\x1b[6~", KeyCode::PageDown, KeyAction::PageDown),
        ],
        effect: "a page up, a page down",
    },
    KeyHelp {
        group: KeyGroup::Rows,
        keys: &[
            key("Home", "\x1b[H", KeyCode::Home, KeyAction::Top),
            letter("g", 'g', KeyAction::Top),
            key("End", "\x1b[F", KeyCode::End, KeyAction::Bottom),
            letter("G", 'G', KeyAction::Bottom),
        ],
        effect: "the first row, the last row",
    },
    KeyHelp {
        group: KeyGroup::Rows,
        keys: &[key("Enter", "\r", KeyCode::Enter, KeyAction::Open)],
        effect: "open the row: a port or server shows its flows, a finding its server, a flow \
                 all that is known of it",
    },
    KeyHelp {
        group: KeyGroup::Rows,
        keys: &[letter("/", '/', KeyAction::Filter)],
        effect: "filter the four views",
    },
    KeyHelp {
        group: KeyGroup::Rows,
        keys: &[letter("s", 's', KeyAction::Sort), letter("S", 'S', KeyAction::Reverse)],
        effect: "sort by the next column, reverse the order",
    },
    KeyHelp {
        group: KeyGroup::Text,
        keys: &[
            key("←", "\x1b[D", KeyCode::Left, KeyAction::Left),
            key("→", "\x1b[C", KeyCode::Right, KeyAction::Right),
        ],
        effect: "scroll sideways; the keys that choose rows scroll up and down",
    },
    KeyHelp {
        group: KeyGroup::Filter,
        keys: &[key("Tab", "\t", KeyCode::Tab, KeyAction::Complete)],
        effect: "complete a field or a value; again for the next one",
    },
    KeyHelp {
        group: KeyGroup::Filter,
        keys: &[key("Enter", "\r", KeyCode::Enter, KeyAction::Accept)],
        effect: "keep the filter",
    },
    KeyHelp {
        group: KeyGroup::Filter,
        keys: &[key("Esc", "\x1b", KeyCode::Esc, KeyAction::Cancel)],
        effect: "return to the filter from before",
    },
    KeyHelp {
        group: KeyGroup::Filter,
        keys: &[
            key("Backspace", "\x7f", KeyCode::Backspace, KeyAction::Delete),
            key("Ctrl-U", "\x15", KeyCode::Char('u'), KeyAction::Clear),
        ],
        effect: "delete a character, delete all",
    },
];

/// What a key does, in a view or while a filter is typed.
pub(super) fn action(pressed: KeyEvent, is_typing: bool) -> Option<KeyAction> {
    let is_control = pressed.modifiers.contains(KeyModifiers::CONTROL);
    let all = KEYS.iter().filter(|help| {
        (help.group == KeyGroup::Filter) == is_typing || help.group == KeyGroup::Everywhere
    });
    let found = all.flat_map(|help| help.keys.iter().map(move |key| (help.group, key))).find(
        |(group, key)| {
            // While a filter is typed, keys that have an effect everywhere are text, but for those
            // that end the screen.
            let is_meant = !is_typing
                || *group == KeyGroup::Filter
                || (key.action == KeyAction::Quit && is_control);
            is_meant && key.code == pressed.code && key.name.starts_with("Ctrl-") == is_control
        },
    );
    found.map(|(_, key)| key.action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_help_has_its_own_effect_where_it_is_listed() {
        for help in KEYS {
            for key in help.keys {
                let modifiers = if key.name.starts_with("Ctrl-") {
                    KeyModifiers::CONTROL
                } else {
                    KeyModifiers::NONE
                };
                let pressed = KeyEvent::new(key.code, modifiers);
                let is_typing = help.group == KeyGroup::Filter;
                assert_eq!(action(pressed, is_typing), Some(key.action), "{}", key.name);
            }
        }
        let plain = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
        assert_eq!(action(plain('q'), true), None, "it is text");
        assert_eq!(action(plain('c'), false), None);
    }
}
