//! The prompt of a shell in clear text: no protocol of its own, and not for a port that everybody
//! may reach.
//!
//! A shell that waits for a command has nothing behind its prompt. What is pasted into a chat, or
//! copied into a log, has: there a prompt and its command come together, and nobody typed the command.

use std::borrow::Cow;

use crate::evidence::Direction;
use crate::flow::{Opening, Stream};
use crate::secrets::CommandLine;

/// Lines of a side that are searched, and bytes of each.
const LINES: usize = 6;
const LONGEST: usize = 256;
/// Characters of a prompt with the command behind it that are kept.
const KEPT: usize = 64;
/// Shells that say their name and version in the prompt.
const SHELLS: [&str; 6] = ["ash-", "bash-", "dash-", "ksh-", "sh-", "zsh-"];

/// What shells without a terminal say first.
const WITHOUT_TERMINAL: [&str; 2] =
    ["no job control in this shell", "can't access tty; job control turned off"];

/// A prompt, with the command that the other side sent, and the number of the prompt's frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellPrompt {
    /// The prompt and the command: untrusted.
    pub text: String,
    /// The side that the shell runs on: the initiator's is a reverse shell.
    pub direction: Direction,
    /// The number of the frame.
    pub frame: u64,
}

/// The first prompt of a shell that either side of a TCP connection shows, if it began with it, or
/// else the answer to `id`, or the complaint of a shell that it has no terminal.
#[must_use]
pub fn shell_prompt(opening: &Opening) -> Option<ShellPrompt> {
    Direction::BOTH.into_iter().find_map(|direction| {
        let (stream, other) = (opening.side(direction), opening.side(direction.opposite()));
        let (shown, frame) = shown_by(stream, other)?;
        let text = match shown {
            ShellSign::Prompt(prompt) => format!("{prompt} {}", command(other).unwrap_or_default()),
            ShellSign::Line(line) => line,
        };
        let text = text.trim_end().chars().take(KEPT).collect();
        Some(ShellPrompt { text, direction, frame })
    })
}

/// What shows a shell.
enum ShellSign {
    Prompt(String),
    /// What a shell or a command says, in full.
    Line(String),
}

/// What of the first lines of a side shows a shell, and the number of its frame.
fn shown_by(stream: &Stream, other: &Stream) -> Option<(ShellSign, u64)> {
    let bytes = stream.head();
    if bytes.is_empty() || !stream.from_start() {
        return None;
    }
    let (mut at, mut complaint) = (0, None);
    for line in bytes.split_inclusive(|&byte| byte == b'\n').take(LINES) {
        let Some(text) = plain(line.get(..LONGEST).unwrap_or(line)) else { break };
        let frame = stream.frame_at(at);
        let bare = text.strip_prefix(['$', '#']).filter(|rest| matches!(*rest, "" | " "));
        let bare = bare.filter(|_| complaint.is_some()).map(|_| text.trim_end());
        let found = prompt(&text).or(bare);
        if let Some(prompt) = found.filter(|prompt| is_live(stream, other, (line, at), prompt)) {
            return Some((ShellSign::Prompt(prompt.to_owned()), frame));
        }
        let answer = text.strip_prefix(['$', '#']).map_or(&*text, str::trim_start);
        let answer = found.map_or(answer, |prompt| text[prompt.len()..].trim_start());
        if is_identity(answer) && asks_for_identity(other) {
            return Some((ShellSign::Line(answer.to_owned()), frame));
        }
        if complaint.is_none() && is_complaint(&text) {
            complaint = Some((text.into_owned(), frame));
        }
        at += line.len();
    }
    complaint.map(|(text, frame)| (ShellSign::Line(text), frame))
}

/// Whether a line's prompt waits for a command: nothing stands behind it in its segment, or what the
/// other side typed, which the terminal repeats. `at`: the line's offset.
fn is_live(stream: &Stream, other: &Stream, (line, at): (&[u8], usize), prompt: &str) -> bool {
    let is_prompt = |bytes: &[u8]| plain(bytes).is_some_and(|text| text.trim_end() == prompt);
    let ends = stream.frames_behind(at).map(|(distance, _)| distance);
    let mut ends = ends.take_while(|&distance| distance <= line.len()).chain([line.len()]);
    if ends
        .any(|end| line.get(..end).is_some_and(|bytes| !bytes.ends_with(b"\n") && is_prompt(bytes)))
    {
        return true;
    }
    let typed = lines(other).next();
    let text = plain(line);
    let behind = text.as_deref().and_then(|text| text.get(prompt.len()..)).map_or("", str::trim);
    typed.is_some_and(|typed| !behind.is_empty() && typed.trim() == behind)
}

/// The first lines of a side, as far as they are text.
fn lines(stream: &Stream) -> impl Iterator<Item = Cow<'_, str>> {
    let lines = stream.head().split_inclusive(|&byte| byte == b'\n').take(LINES);
    lines.map_while(|line| plain(line.get(..LONGEST).unwrap_or(line)))
}

/// Whether a line is what `id` prints.
fn is_identity(line: &str) -> bool {
    let number_and_name = |text: &str| {
        let (number, rest) = text.split_once('(')?;
        let (name, rest) = rest.split_once(')')?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        (is_number && !name.is_empty()).then(|| rest.to_owned())
    };
    let after = line.strip_prefix("uid=").and_then(number_and_name);
    let after = after.as_deref().and_then(|rest| rest.strip_prefix(" gid="));
    after.and_then(number_and_name).is_some()
}

/// Whether a side sends the command `id`.
fn asks_for_identity(stream: &Stream) -> bool {
    let separates = |c: char| c.is_whitespace() || matches!(c, ';' | '&' | '|' | '/');
    lines(stream).any(|line| line.split(separates).any(|word| word == "id"))
}

/// Whether a shell says in this line that it has no terminal.
fn is_complaint(line: &str) -> bool {
    let shell = line.split(": ").next().and_then(|path| path.rsplit('/').next());
    shell.is_some_and(|shell| shell.ends_with("sh") && shell.len() <= 4)
        && WITHOUT_TERMINAL.iter().any(|complaint| line.ends_with(complaint))
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
    let text = CommandLine::typed(text);
    let lower = text.to_ascii_lowercase();
    let is_secret =
        ["pass", "pwd", "secret", "token", "key", "auth"].iter().any(|word| lower.contains(word));
    let is_readable = !text.is_empty() && text.len() <= KEPT && !text.contains(char::is_control);
    (is_readable && !is_secret).then_some(text)
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
    fn a_shell_without_prompt_is_known_by_what_it_says() {
        for (shell, command, shown) in [
            (
                &b"uid=0(root) gid=0(root) groups=0(root)\n"[..],
                &b"id\n"[..],
                "uid=0(root) gid=0(root) groups=0(root)",
            ),
            (
                b"$ uid=33(www-data) gid=33(www-data)\n$ ",
                b"whoami; id\n",
                "uid=33(www-data) gid=33(www-data)",
            ),
            (b"bash-5.2# uid=0(root) gid=0(root)\n", b"id\n", "uid=0(root) gid=0(root)"),
            (b"/bin/sh: 0: can't access tty; job control turned off\n# ", b"id\n", "# id"),
            (b"bash: no job control in this shell\n", b"", "bash: no job control in this shell"),
        ] {
            assert_eq!(text(&[command], &[shell]).as_deref(), Some(shown));
            assert_eq!(text(&[shell], &[command]).as_deref(), Some(shown), "a reverse shell");
        }
        let (uid, no): (&[u8], &[u8]) = (b"uid=0(root) gid=0(root)\n", b"hello\n");
        assert_eq!(text(&[no], &[uid]), None, "nobody asked for it");
        assert_eq!(text(&[b"id\n"], &[b"uid=12 gid=13\n"]), None);
        let joke: &[u8] = b"he said bash: no job control in this shell\n";
        assert_eq!(text(&[joke], &[]), None);
    }

    #[test]
    fn a_prompt_is_one_only_while_it_waits() {
        for pasted in [
            &b"root@host:/# rm -rf /\n"[..],
            b"look: what is this?\nme@pc:~$ ls -la\ntotal 12\n",
            b"[admin@web-1 ~]$ tail -f log\n",
            b"C:\\Windows>dir\r\n",
            b"bash-5.2# id\n",
        ] {
            assert_eq!(text(&[pasted], &[b"no idea\n"]), None, "{}", pasted.escape_ascii());
            assert_eq!(text(&[b"help\n"], &[pasted]), None, "{}", pasted.escape_ascii());
        }
        let echoed: &[&[u8]] = &[b"me@pc:~$ ", b"ls\r\na b\r\n"];
        assert_eq!(text(&[b"ls\n"], echoed).as_deref(), Some("me@pc:~$ ls"));
        assert_eq!(text(&[b"ls\n"], &[b"me@pc:~$ ls\r\na b"]).as_deref(), Some("me@pc:~$ ls"));
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
