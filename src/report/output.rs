//! Where the text goes, and what happens when nobody reads it any more.

use std::io::{self, ErrorKind, IsTerminal, Write};

use rst_storm_linux::signals::Stop;

use super::style::{ColorChoice, Style};

/// How much is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loudness {
    /// Only what failed.
    Quiet,
    /// The report.
    #[default]
    Normal,
    /// The report and what lies behind it.
    Verbose,
}

/// The stream that the text goes to.
#[derive(Debug)]
enum Stream {
    Stdout(io::Stdout),
    Stderr(io::Stderr),
}

/// The text of a command. A reader that goes away is no error and no noise: the storm is asked to stop, and what was
/// found still reaches the files.
#[derive(Debug)]
pub struct Output {
    stream: Stream,
    style: Style,
    loudness: Loudness,
    stop: Stop,
    failure: Option<io::Error>,
    gone: bool,
}

impl Output {
    /// Text to standard output; to standard error where `json_takes_stdout`.
    pub fn new(color: ColorChoice, loudness: Loudness, json_takes_stdout: bool, stop: &Stop) -> Output {
        let (stream, style) = if json_takes_stdout {
            (Stream::Stderr(io::stderr()), Style::new(color, &io::stderr()))
        } else {
            (Stream::Stdout(io::stdout()), Style::new(color, &io::stdout()))
        };
        Output { stream, style, loudness, stop: stop.clone(), failure: None, gone: false }
    }

    /// How this text is coloured.
    pub fn style(&self) -> Style {
        self.style
    }

    /// How much is said.
    pub fn loudness(&self) -> Loudness {
        self.loudness
    }

    /// Whether a person looks at the stream.
    pub fn is_terminal(&self) -> bool {
        match &self.stream {
            Stream::Stdout(stream) => stream.is_terminal(),
            Stream::Stderr(stream) => stream.is_terminal(),
        }
    }

    /// Writes `text`, unless only failures are to be said.
    pub fn say(&mut self, text: &str) {
        if self.loudness >= Loudness::Normal {
            self.write(text);
        }
    }

    /// Writes `text` where more is wanted.
    pub fn detail(&mut self, text: &str) {
        if self.loudness == Loudness::Verbose {
            self.write(text);
        }
    }

    /// Writes `text` however quiet it is to be.
    pub fn insist(&mut self, text: &str) {
        self.write(text);
    }

    /// The same of text that is at hand as octets.
    pub fn insist_octets(&mut self, text: &[u8]) {
        self.write_octets(text);
    }

    /// The first failure to write, other than a reader that went away.
    pub fn into_failure(self) -> Option<io::Error> {
        self.failure
    }

    fn write(&mut self, text: &str) {
        self.write_octets(text.as_bytes());
    }

    fn write_octets(&mut self, octets: &[u8]) {
        if self.gone {
            return;
        }
        let write = |stream: &mut dyn Write| stream.write_all(octets).and_then(|()| stream.flush());
        let result = match &mut self.stream {
            Stream::Stdout(stream) => write(&mut stream.lock()),
            Stream::Stderr(stream) => write(&mut stream.lock()),
        };
        if let Err(error) = result {
            self.gone = true;
            if error.kind() != ErrorKind::BrokenPipe {
                self.failure = Some(error);
            }
            self.stop.request();
        }
    }
}
