//! The prompt of a shell in clear text: no protocol of its own, and not for a port that everybody
//! may reach.

use std::borrow::Cow;

use crate::evidence::Direction;
use crate::flow::{Opening, Stream};

/// Lines of a side that are searched, and bytes of each.
const LINES: usize = 6;
const LONGEST: usize = 256;
/// Characters of a prompt with the command behind it that are kept.
const KEPT: usize = 64;
/// Shells that say their name and version in the prompt.
const SHELLS: [&str; 6] = ["ash-", "bash-", "dash-", "ksh-", "sh-", "zsh-"];

/// A prompt, with the command that the other side sent, and the number of the prompt's frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellPrompt {
    /// The prompt and the command: untrusted.
    pub text: String,
    /// The number of the frame.
    pub frame: u64,
}

/// The first prompt of a shell that either side of a TCP connection shows, if it began with it.
#[must_use]
pub fn shell_prompt(opening: &Opening) -> Option<ShellPrompt> {
    Direction::BOTH.into_iter().find_map(|direction| {
        let (stream, other) = (opening.side(direction), opening.side(direction.opposite()));
        let (prompt, frame) = prompt_of(stream)?;
        let command = command(other).filter(|_| !prompt.is_empty()).unwrap_or_default();
        let text = format!("{prompt} {command}");
        Some(ShellPrompt { text: text.trim_end().chars().take(KEPT).collect(), frame })
    })
}

fn prompt_of(stream: &Stream) -> Option<(String, u64)> {
    let bytes = stream.head();
    if bytes.is_empty() || !stream.from_start() {
        return None;
    }
    let mut at = 0;
    for line in bytes.split_inclusive(|&byte| byte == b'\n').take(LINES) {
        let text = plain(line.get(..LONGEST).unwrap_or(line))?;
        if let Some(prompt) = prompt(&text) {
            return Some((prompt.to_owned(), stream.frame_at(at)));
        }
        at += line.len();
    }
    None
}

/// A line without the control sequences of terminals (ECMA-48, section 5.4), and titles; `None`
/// where it has other controls.
fn plain(line: &[u8]) -> Option<Cow<'_, str>> {
    let is_text = |byte: &u8| matches!(byte, b'\t' | 0x20..=0x7e | 0x80..);
    let ended = line.strip_suffix(b"\n").unwrap_or(line);
    let ended = ended.strip_suffix(b"\r").unwrap_or(ended);
    match ended.iter().find(|byte| !is_text(byte)) {
        None => return std::str::from_utf8(ended).ok().map(Cow::Borrowed),
        Some(0x1b | b'\r') => {}
        Some(_) => return None,
    }
    let mut text = Vec::with_capacity(line.len());
    let mut rest = line;
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (0x1b, [b'[', ..]) => {
                let end = tail.iter().skip(1).position(|byte| (0x40..=0x7e).contains(byte))?;
                rest = tail.get(end + 2..)?;
            }
            (0x1b, [b']', ..]) => {
                let end = tail.iter().position(|&byte| byte == 7)?;
                rest = tail.get(end + 1..)?;
            }
            (b'\r' | b'\n', _) => {}
            _ if is_text(first) => text.push(*first),
            _ => return None,
        }
    }
    String::from_utf8(text).ok().map(Cow::Owned)
}

/// The prompt with which a line begins.
fn prompt(line: &str) -> Option<&str> {
    let is_drive = |line: &str| {
        line.as_bytes().first().is_some_and(u8::is_ascii_uppercase) && line[1..].starts_with(":\\")
    };
    if line.starts_with("PS ") && is_drive(&line[3..]) || is_drive(line) {
        return line.find('>').map(|end| &line[..=end]);
    }
    let end = line.find(['#', '$', '%'])?;
    // Behind it stand a blank and what was typed, or nothing yet.
    if !matches!(line.as_bytes().get(end + 1), None | Some(b' ')) {
        return None;
    }
    let (before, prompt) = (&line[..end], &line[..=end]);
    let is_versioned = |shell: &str| {
        let version = before.strip_prefix(shell);
        version.is_some_and(|v| !v.is_empty() && v.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
    };
    let is_path = |text: &str| {
        let path = text.trim_end();
        path.starts_with(['/', '~']) && !path.contains([' ', '<', '>', '"', '(', '*'])
    };
    let is_prompt = SHELLS.iter().any(|shell| is_versioned(shell))
        || is_path(before)
        || user_at_host(before.trim_start_matches('[').trim_end_matches(']'));
    is_prompt.then_some(prompt)
}

/// Whether a text is `user@host`, and a folder behind `:` or a blank.
fn user_at_host(text: &str) -> bool {
    let Some((user, rest)) = text.split_once('@') else { return false };
    let is_name = |name: &str, more: &[u8]| {
        !name.is_empty()
            && name.len() <= 64
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
    };
    let (host, folder) = rest.split_once([':', ' ']).unwrap_or((rest, ""));
    let is_folder = folder.len() <= 128 && !folder.trim_end().contains(' ');
    is_name(user, b"_-.") && is_name(host, b"-.") && is_folder
}

/// The first line that a side sent, if it is short, readable and hardly a secret.
fn command(stream: &Stream) -> Option<String> {
    let line = stream.head().split(|&byte| byte == b'\n').next()?;
    let text = std::str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line)).ok()?;
    let lower = text.to_ascii_lowercase();
    let is_secret =
        ["pass", "pwd", "secret", "token", "key", "auth"].iter().any(|word| lower.contains(word));
    let is_readable = !text.is_empty() && text.len() <= KEPT && !text.contains(char::is_control);
    (is_readable && !is_secret).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Transport;

    fn text(initiator: &[&[u8]], responder: &[&[u8]]) -> Option<String> {
        let opening = Opening::from_payloads(Transport::Tcp, initiator, responder);
        shell_prompt(&opening).map(|prompt| prompt.text)
    }

    #[test]
    fn a_prompt_is_shown_with_the_command_behind_it() {
        for (prompt, shown) in [
            (&b"bash-5.2# "[..], "bash-5.2# id"),
            (b"sh-4.4$ ", "sh-4.4$ id"),
            (b"root@host:/# ", "root@host:/# id"),
            (b"[admin@web-1 ~]$ ", "[admin@web-1 ~]$ id"),
            (b"/ # ", "/ # id"),
            (b"\x1b[?2004h\x1b]0;t\x07\x1b[01;32mme@pc\x1b[0m:~$ ", "me@pc:~$ id"),
            (b"Microsoft Windows\r\n\r\nC:\\Windows\\system32>", "C:\\Windows\\system32> id"),
            (b"PS C:\\Users\\me> ", "PS C:\\Users\\me> id"),
            (b"bash: no job control in this shell\nbash-5.1$ ", "bash-5.1$ id"),
        ] {
            assert_eq!(text(&[b"id\n"], &[prompt]).as_deref(), Some(shown));
            assert_eq!(text(&[prompt], &[b"id\n"]).as_deref(), Some(shown), "a reverse shell");
        }
    }

    #[test]
    fn what_is_no_prompt_shows_none() {
        for line in [
            &b"220 mail.example.org ready $ 5\r\n"[..],
            b"#!/bin/sh\n",
            b"$GPGGA,123519,4807.038,N\r\n",
            b"# a comment\n",
            b"me@example.org wrote 5 $ bills to you and the others\n",
            b"cost: 5$ each\n",
            b"/eos/key/go_0\0\0\0,\0\0\0",
            b"/* comment # here */ x <b># </b>",
            b"\x00\x01bash-5.2# ",
            b"bash-5.2#x",
            b"100% sure\n",
            b"C:\n",
        ] {
            assert_eq!(text(&[], &[line]), None, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn a_secret_behind_a_prompt_is_left_out() {
        let shown = text(&[b"export TOKEN=hunter2\n"], &[b"root@host:/# "]);
        assert_eq!(shown.as_deref(), Some("root@host:/#"));
    }
}
