//! The one place that prints.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write, stdout};

/// Prints a line to standard output.
macro_rules! show {
    ($($text:tt)*) => { $crate::show::line(format_args!($($text)*)) };
}
pub(crate) use show;

/// Prints a line; if the reader is gone (`| head`), the program ends without a word.
///
/// `println!` panics then, since Rust's programs do not die of a closed pipe as others do.
pub(crate) fn line(text: Arguments<'_>) {
    match writeln!(stdout(), "{text}") {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            eprintln!("cannot print: {error}");
            std::process::exit(1)
        }
    }
}
