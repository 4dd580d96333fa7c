//! A stream that a thread reads ahead: to decompress is as much work as everything after it.

use std::io::{self, Read};
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, SyncSender, TryRecvError, channel, sync_channel,
};
use std::thread;
use std::time::Duration;

/// Bytes of a chunk.
const CHUNK: usize = 128 * 1024;
/// Chunks that wait.
const QUEUE: usize = 4;
/// Time that a read waits.
const TIMEOUT: Duration = Duration::from_millis(100);

type Chunk = io::Result<Vec<u8>>;

/// The stream. A read without bytes in time fails with `WouldBlock`.
pub(super) struct ReadAhead {
    full: Receiver<Chunk>,
    empty: std::sync::mpsc::Sender<Vec<u8>>,
    chunk: Vec<u8>,
    at: usize,
}

impl ReadAhead {
    /// Starts the thread.
    pub(super) fn start(input: Box<dyn Read + Send>) -> io::Result<Self> {
        let (full, to_read) = sync_channel(QUEUE);
        let (give_back, empty) = channel();
        thread::Builder::new()
            .name("unpack".into())
            .spawn(move || read_all(input, &full, &empty))?;
        Ok(Self { full: to_read, empty: give_back, chunk: Vec::new(), at: 0 })
    }
}

/// Reads chunks until the stream ends or fails, or the receiver is gone. An empty chunk marks the
/// end.
fn read_all(mut input: Box<dyn Read + Send>, full: &SyncSender<Chunk>, empty: &Receiver<Vec<u8>>) {
    loop {
        let mut chunk = match empty.try_recv() {
            Ok(chunk) => chunk,
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => vec![0; CHUNK],
        };
        chunk.resize(CHUNK, 0);
        let chunk = match input.read(&mut chunk) {
            Ok(len) => {
                chunk.truncate(len);
                Ok(chunk)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let is_last = chunk.as_ref().map_or(true, Vec::is_empty);
        if full.send(chunk).is_err() || is_last {
            return;
        }
    }
}

impl Read for ReadAhead {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at == self.chunk.len() {
            let chunk = match self.full.recv_timeout(TIMEOUT) {
                Ok(chunk) => chunk?,
                Err(RecvTimeoutError::Timeout) => return Err(io::ErrorKind::WouldBlock.into()),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(io::Error::other(
                        "the decompressing thread panicked; this is a bug in portlore, please \
                         report it (SECURITY.md says how)",
                    ));
                }
            };
            // After the end of the stream there is no receiver.
            let _ = self.empty.send(std::mem::replace(&mut self.chunk, chunk));
            self.at = 0;
        }
        let len = into.len().min(self.chunk.len() - self.at);
        into[..len].copy_from_slice(&self.chunk[self.at..self.at + len]);
        self.at += len;
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("broken"))
        }
    }

    /// Never ends; its drop is observed through the channel.
    struct Endless(#[allow(dead_code, reason = "held for its drop")] std::sync::mpsc::Sender<()>);

    impl Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            Ok(into.len())
        }
    }

    #[test]
    fn what_a_thread_reads_ahead_is_the_stream_and_its_failure() {
        let bytes: Vec<u8> = (0..3 * CHUNK as u32 + 5).map(|i| i as u8).collect();
        let mut read = Vec::new();
        ReadAhead::start(Box::new(io::Cursor::new(bytes.clone())))
            .unwrap()
            .read_to_end(&mut read)
            .unwrap();
        assert!(read == bytes);
        let error = ReadAhead::start(Box::new(Broken)).unwrap().read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.to_string(), "broken");
    }

    #[test]
    fn a_thread_that_nobody_reads_from_ends() {
        let (held, dropped) = channel::<()>();
        drop(ReadAhead::start(Box::new(Endless(held))).unwrap());
        assert!(dropped.recv().is_err(), "the thread has dropped its input");
    }
}
