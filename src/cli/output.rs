use std::io::{self, BufWriter, ErrorKind, IsTerminal, StdoutLock, Write};

use super::args::Color;

/// The standard output. A reader that stops early, such as `head`, is no failure.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) is_colored: bool,
    is_closed: bool,
    stdout: BufWriter<StdoutLock<'static>>,
}

impl Output {
    pub(crate) fn new(color: Color) -> Self {
        let stdout = io::stdout().lock();
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            is_colored: match color {
                Color::Always => true,
                Color::Auto => stdout.is_terminal() && !is_set("NO_COLOR") && !is_dumb,
                Color::Never => false,
            },
            is_closed: false,
            stdout: BufWriter::new(stdout),
        }
    }

    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        self.bytes(text.as_bytes())?;
        self.bytes(b"\n")
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.is_closed {
            return Ok(());
        }
        let written = self.stdout.write_all(bytes);
        self.unless_closed(written)
    }

    /// Writes what is buffered.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        let flushed = self.stdout.flush();
        self.unless_closed(flushed)?;
        if self.is_closed {
            // Dropping the writer would flush once more; the rest has no reader.
            let _ = self.stdout.into_parts();
        }
        Ok(())
    }

    fn unless_closed(&mut self, done: io::Result<()>) -> io::Result<()> {
        match done {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(())
            }
            done => done,
        }
    }
}
