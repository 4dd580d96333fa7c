//! The process that may look into others: it reads questions of a fixed form, no packets, and
//! answers from the system's tables.
//!
//! It is this program again, started before rights are given up and ended by the end of its input.
//! It keeps the right to see other users' processes and no other, so it must have been given that:
//! as root, or by `setcap cap_sys_ptrace,cap_dac_read_search+ep`.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// The clerk, started, before anything was asked.
pub struct Clerk {
    pub(super) line: UnixStream,
}

impl Clerk {
    /// The hidden command that this program is started with for it.
    pub const COMMAND: &str = "clerk";

    /// Starts it as `user`, where another one is meant than the one who called sudo: to be called
    /// while this process still has its rights.
    ///
    /// # Errors
    /// One line with the system's reason.
    pub fn start(user: Option<&str>) -> Result<Self, String> {
        let start = || -> io::Result<UnixStream> {
            let (ours, theirs) = UnixStream::pair()?;
            // The program that runs, even where its file was replaced since.
            let program = if cfg!(target_os = "linux") {
                "/proc/self/exe".into()
            } else {
                std::env::current_exe()?
            };
            Command::new(program)
                .arg0("portlore")
                .arg(Self::COMMAND)
                .args(user)
                .stdin(OwnedFd::from(theirs))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .current_dir("/")
                // Ctrl-C is for who captures: this one ends with its input.
                .process_group(0)
                .spawn()?;
            Ok(ours)
        };
        start()
            .map(|line| Self { line })
            .map_err(|error| format!("processes cannot be told: {error}"))
    }
}

/// Answers the questions that come on a socket until it is closed.
///
/// # Errors
/// One line: a question that is none, or the system's reason.
#[cfg(target_os = "linux")]
pub fn serve(line: UnixStream) -> Result<(), String> {
    desk::serve(line)
}

/// Other systems are not asked.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn serve(_line: UnixStream) -> Result<(), String> {
    Err("processes are told on Linux only".into())
}

#[cfg(target_os = "linux")]
mod desk {
    use std::collections::HashSet;
    use std::io::{BufRead, BufReader, BufWriter, Read, Write};
    use std::net::IpAddr;
    use std::os::unix::net::UnixStream;
    use std::sync::mpsc::sync_channel;
    use std::thread;
    use std::time::{Duration, Instant};

    use crate::process::descriptors::Descriptors;
    use crate::process::question::{Answer, LINE, Question, Said};
    use crate::process::socket::{Socket, Sockets};
    use crate::process::users::Users;
    use crate::process::{Ground, Holder, Unknown};

    /// Questions that are answered together, by one look at the processes.
    const TOGETHER: usize = 1024;
    /// How long the machine's addresses stay good.
    const FRESH: Duration = Duration::from_secs(1);

    pub(super) fn serve(line: UnixStream) -> Result<(), String> {
        let reader = BufReader::new(line.try_clone().map_err(|error| error.to_string())?);
        let (give, questions) = sync_channel(TOGETHER);
        let reading = thread::spawn(move || read(reader, |question| give.send(question).is_ok()));
        let mut desk = Desk {
            sockets: Sockets::open(),
            descriptors: Descriptors::new(Users::read()),
            addresses: None,
        };
        let mut out = BufWriter::new(line);
        while let Ok(first) = questions.recv() {
            let batch: Vec<_> =
                std::iter::once(first).chain(questions.try_iter()).take(TOGETHER).collect();
            for answer in desk.answer(&batch) {
                let text = serde_json::to_string(&answer).map_err(|error| error.to_string())?;
                if writeln!(out, "{text}").is_err() {
                    return Ok(());
                }
            }
            if out.flush().is_err() {
                return Ok(());
            }
        }
        reading.join().map_err(|_| "questions cannot be read".to_owned())?
    }

    /// Reads questions, a line each, until there are no more or nobody takes them.
    fn read(mut from: impl BufRead, mut take: impl FnMut(Question) -> bool) -> Result<(), String> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = from
                .by_ref()
                .take(LINE)
                .read_until(b'\n', &mut line)
                .map_err(|error| error.to_string())?;
            if length == 0 {
                return Ok(());
            }
            let question = serde_json::from_slice(&line)
                .map_err(|error| format!("not a question: {error}"))?;
            if !take(question) {
                return Ok(());
            }
        }
    }

    /// What the first look says of a question.
    enum Sight {
        Done(Said),
        /// Whose are these sockets? The first is the one that was asked for.
        Whose(Vec<Socket>, Ground),
    }

    struct Desk {
        sockets: Result<Sockets, String>,
        descriptors: Descriptors,
        addresses: Option<(Instant, HashSet<IpAddr>)>,
    }

    impl Desk {
        /// Sockets first, all of them, because they go; then whose they are.
        fn answer(&mut self, questions: &[Question]) -> Vec<Answer> {
            let sights: Vec<_> = questions.iter().map(|question| self.see(question)).collect();
            let asked = sights.iter().flat_map(|sight| match sight {
                Sight::Done(_) => &[],
                Sight::Whose(sockets, _) => sockets.as_slice(),
            });
            if !self.descriptors.knows(asked.map(|socket| socket.inode)) {
                thread::sleep(self.descriptors.wait());
                self.descriptors.look();
            }
            let answers = questions.iter().zip(sights).map(|(question, sight)| {
                let said = match sight {
                    Sight::Done(said) => said,
                    Sight::Whose(sockets, ground) => self.whose(question, &sockets, ground),
                };
                Answer { id: question.id, said }
            });
            answers.collect()
        }

        fn see(&mut self, question: &Question) -> Sight {
            let &Question { udp, local, remote, .. } = question;
            let everybody = udp && is_for_many(local.ip());
            if !everybody && !self.is_ours(local.ip()) {
                return Sight::Done(Said::Elsewhere);
            }
            let sockets = match &mut self.sockets {
                Ok(sockets) => sockets,
                Err(reason) => return Sight::Done(Said::Unknown(Unknown::Silent(reason.clone()))),
            };
            let found = if everybody { Ok(None) } else { sockets.find(udp, local, remote) };
            let found = found.and_then(|found| {
                if everybody || found.is_some_and(|socket| socket.open) {
                    // Several may share a port (SO_REUSEPORT), and what is sent to many reaches all
                    // who take it.
                    let alike =
                        |socket: &&Socket| found.is_none_or(|found| found.local == socket.local);
                    let all: Vec<_> = sockets
                        .listeners(udp, local.port())?
                        .iter()
                        .filter(alike)
                        .copied()
                        .collect();
                    return Ok(if all.is_empty() { found.into_iter().collect() } else { all });
                }
                Ok(found.into_iter().collect::<Vec<_>>())
            });
            match found {
                Err(reason) => Sight::Done(Said::Unknown(Unknown::Silent(reason))),
                Ok(none) if none.is_empty() => Sight::Done(Said::Unknown(Unknown::Gone)),
                Ok(all) => {
                    let very = all.len() == 1 && (udp || !all[0].open);
                    Sight::Whose(all, if very { Ground::Socket } else { Ground::Listener })
                }
            }
        }

        fn whose(&mut self, question: &Question, sockets: &[Socket], ground: Ground) -> Said {
            let holders = self.holders(sockets);
            if !holders.is_empty() {
                return Said::Known(holders, ground);
            }
            // It was closed between the two looks; who listens there has taken the connection, or
            // had it taken.
            let again = match &mut self.sockets {
                Ok(sockets) => sockets.find(question.udp, question.local, question.remote).ok(),
                Err(_) => None,
            };
            let listener = again.flatten().filter(|socket| socket.open);
            let holders = listener.map_or_else(Vec::new, |listener| self.holders(&[listener]));
            if !holders.is_empty() {
                return Said::Known(holders, Ground::Listener);
            }
            Said::Unknown(match (again, sockets.first()) {
                (Some(None), _) | (_, None) => Unknown::Gone,
                (_, Some(socket)) if self.descriptors.hidden() => {
                    Unknown::Hidden(self.descriptors.user(socket.user))
                }
                _ => Unknown::Nobody,
            })
        }

        /// The processes that hold any of these, by their ids.
        fn holders(&self, sockets: &[Socket]) -> Vec<Holder> {
            let mut holders: Vec<Holder> = Vec::new();
            for holder in sockets.iter().flat_map(|socket| self.descriptors.holders(socket.inode)) {
                if !holders.contains(holder) {
                    holders.push((**holder).clone());
                }
            }
            holders.sort_by_key(|holder| holder.pid);
            holders
        }

        fn is_ours(&mut self, address: IpAddr) -> bool {
            if address.is_loopback() {
                return true;
            }
            if self.addresses.as_ref().is_none_or(|(when, _)| when.elapsed() > FRESH) {
                let all = nix::ifaddrs::getifaddrs().into_iter().flatten();
                let both =
                    all.flat_map(|interface| [interface.address, interface.broadcast]).flatten();
                let ip = both.filter_map(|address| {
                    let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
                    v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
                });
                self.addresses = Some((Instant::now(), ip.collect()));
            }
            self.addresses.as_ref().is_some_and(|(_, all)| all.contains(&address))
        }
    }

    fn is_for_many(address: IpAddr) -> bool {
        address.is_multicast() || matches!(address, IpAddr::V4(v4) if v4.is_broadcast())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn ask(udp: bool, local: std::net::SocketAddr, remote: &str) -> Said {
            let (ours, theirs) = UnixStream::pair().unwrap();
            let clerk = thread::spawn(move || serve(theirs));
            let question = Question { id: 7, udp, local, remote: remote.parse().unwrap() };
            writeln!(&ours, "{}", serde_json::to_string(&question).unwrap()).unwrap();
            let mut line = String::new();
            BufReader::new(&ours).read_line(&mut line).unwrap();
            drop(ours);
            clerk.join().unwrap().unwrap();
            let answer: Answer = serde_json::from_str(&line).unwrap();
            assert_eq!(answer.id, 7);
            answer.said
        }

        #[test]
        fn a_listener_is_told_with_its_process_and_what_is_not_there_is_gone() {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let local = listener.local_addr().unwrap();
            let Said::Known(holders, Ground::Listener) = ask(false, local, "127.0.0.1:9") else {
                panic!("not known")
            };
            assert_eq!(
                holders.iter().map(|h| h.pid.cast_unsigned()).collect::<Vec<_>>(),
                [std::process::id()]
            );
            drop(listener);
            assert_eq!(ask(false, local, "127.0.0.1:9"), Said::Unknown(Unknown::Gone));
            assert_eq!(ask(false, "192.0.2.1:80".parse().unwrap(), "127.0.0.1:9"), Said::Elsewhere);
        }

        #[test]
        fn two_who_share_a_port_are_both_told() {
            use nix::sys::socket::{
                AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, listen, setsockopt,
                socket, sockopt,
            };
            use std::os::fd::AsRawFd;
            let shared = |port: u16| {
                let fd =
                    socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None).unwrap();
                setsockopt(&fd, sockopt::ReusePort, &true).unwrap();
                bind(fd.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, port)).unwrap();
                listen(&fd, Backlog::new(1).unwrap()).unwrap();
                std::net::TcpListener::from(fd)
            };
            let first = shared(0);
            let local = first.local_addr().unwrap();
            let _second = shared(local.port());
            // Both are held by this process: told once, and as those who listen.
            let Said::Known(holders, Ground::Listener) = ask(false, local, "127.0.0.1:9") else {
                panic!("not known")
            };
            assert_eq!(holders.len(), 1);
        }

        #[test]
        fn a_connection_that_was_closed_meanwhile_is_its_listeners() {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let local = listener.local_addr().unwrap();
            let mut desk = Desk {
                sockets: Sockets::open(),
                descriptors: Descriptors::new(Users::read()),
                addresses: None,
            };
            desk.descriptors.look();
            let question =
                Question { id: 0, udp: false, local, remote: "127.0.0.1:9".parse().unwrap() };
            // No descriptor has an inode of zero.
            let closed = Socket { local, inode: 0, user: 0, open: false };
            let Said::Known(holders, Ground::Listener) =
                desk.whose(&question, &[closed], Ground::Socket)
            else {
                panic!("not known")
            };
            assert_eq!(
                holders.iter().map(|h| h.pid.cast_unsigned()).collect::<Vec<_>>(),
                [std::process::id()]
            );
        }

        #[test]
        fn what_is_no_question_ends_the_conversation() {
            let mut taken = 0;
            let error = read(&b"{\"id\":1}\n"[..], |_| {
                taken += 1;
                true
            })
            .unwrap_err();
            assert!(error.contains("not a question") && taken == 0, "{error}");
            let endless = vec![b'x'; 2 * LINE as usize];
            assert!(read(&endless[..], |_| true).is_err());
            assert_eq!(read(&b""[..], |_| true), Ok(()));
        }
    }
}
