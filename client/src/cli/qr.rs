//! Links and safety numbers as QR codes: on the terminal, as an SVG file, as a PNG file.
//!
//! The codes are read by a camera, so contrast and the quiet zone matter more than looks. What a link means is not
//! known here, and nothing is read: scanning is for a phone's camera or another program.
//!
//! A link is turned into upper case. Its letters then fit QR's alphanumeric mode, which takes 5.5 bits a character
//! instead of 8 (ISO/IEC 18004:2015, section 7.4.4); whoever reads links accepts both cases.

use std::fmt;
use std::path::{Path, PathBuf};

use qrcode::{Color, EcLevel, QrCode};
use sotto_transport::private::{self, PrivateFileError};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::output::{self, Output};
use crate::shell::Failure;

/// Light modules around a code (ISO/IEC 18004:2015, section 5.3.8).
const QUIET_MODULES: usize = 4;
/// Pixels of a module's side in a PNG.
const MODULE_PX: usize = 8;
/// Characters of a link that is put into a code: at level M a code for them still fits most screens.
const LINK_LEN_MAX: usize = 512;
/// Black on white by number in the fixed part of the 256-colour palette: a theme changes the first sixteen, and on a
/// light background uncoloured half blocks would come out inverted.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const RESET: &str = "\x1b[0m";

/// Why there is no code, or no file with one.
#[derive(Debug, thiserror::Error)]
pub(super) enum QrError {
    /// More text than a code is made of.
    #[error("a QR code is made of 1 to {LINK_LEN_MAX} characters, here are {0}; hand the text over instead")]
    Length(usize),
    /// A file name that ends in neither of the two known ways.
    #[error("{0} must end in .png or .svg: the ending says which kind of picture is written")]
    PictureName(PathBuf),
    /// The terminal has too few columns.
    #[error(
        "the QR code needs {needed} columns and this terminal has {columns}; widen it, use smaller letters or write a picture"
    )]
    TerminalWidth {
        /// Columns that the code takes.
        needed: usize,
        /// Columns of the terminal.
        columns: usize,
    },
    /// The PNG encoder refused.
    #[error("the QR code could not be encoded as PNG: {0}; write a picture that ends in .svg instead")]
    Png(String),
    /// The picture's file could not be made.
    #[error(transparent)]
    File(#[from] PrivateFileError),
}

impl QrError {
    /// The stable name of this error.
    pub(super) const fn label(&self) -> &'static str {
        match self {
            Self::Length(_) => "qr-length",
            Self::PictureName(_) => "qr-picture-name",
            Self::TerminalWidth { .. } => "qr-terminal-width",
            Self::Png(_) => "qr-png",
            Self::File(error) => error.label(),
        }
    }
}

impl From<QrError> for Failure {
    fn from(error: QrError) -> Self {
        Self::new(error.label(), error.to_string())
    }
}

/// The two kinds of picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Png,
    Svg,
}

impl Format {
    fn of(path: &Path) -> Result<Self, QrError> {
        let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
        match ending.as_ref().and_then(|ending| ending.to_str()) {
            Some("png") => Ok(Self::Png),
            Some("svg") => Ok(Self::Svg),
            _ => Err(QrError::PictureName(path.to_owned())),
        }
    }
}

/// Takes the name of a picture from a command line, and refuses one that no picture could be written to.
pub(super) fn picture_path(text: &str) -> Result<PathBuf, QrError> {
    let path = PathBuf::from(text);
    Format::of(&path).map(|_| path)
}

/// The modules of a code with the quiet zone around it. An invitation's modules are its secret: `Debug` shows none of
/// them, and dropped, they are wiped. The buffers within `qrcode` and `png` are not.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Qr {
    #[zeroize(skip)]
    side: usize,
    /// Row by row; true is dark.
    modules: Vec<bool>,
}

impl Qr {
    /// The code of a link, at error correction level M (15 % of the codewords).
    ///
    /// # Errors
    /// [`QrError::Length`] of an empty or very long text.
    pub(super) fn of_link(link: &str) -> Result<Self, QrError> {
        let length = || QrError::Length(link.chars().count());
        if link.is_empty() || link.len() > LINK_LEN_MAX {
            return Err(length());
        }
        let upper = Zeroizing::new(link.to_ascii_uppercase());
        let code = QrCode::with_error_correction_level(upper.as_bytes(), EcLevel::M).map_err(|_| length())?;
        let width = code.width();
        let side = width + 2 * QUIET_MODULES;
        let quiet = QUIET_MODULES * side;
        let mut modules = Vec::with_capacity(side * side);
        modules.resize(quiet, false);
        for row in code.into_colors().chunks(width) {
            modules.extend([false; QUIET_MODULES]);
            modules.extend(row.iter().map(|color| *color == Color::Dark));
            modules.extend([false; QUIET_MODULES]);
        }
        modules.resize(modules.len() + quiet, false);
        Ok(Self { side, modules })
    }

    /// Columns that the code takes on a terminal.
    pub(super) const fn columns(&self) -> usize {
        self.side
    }

    fn rows(&self) -> impl Iterator<Item = &[bool]> {
        self.modules.chunks(self.side)
    }

    /// Two rows of modules to a line, by half blocks that are black on white whatever the terminal's colours are.
    pub(super) fn terminal(&self) -> Zeroizing<String> {
        let light = vec![false; self.side];
        let lines = self.side.div_ceil(2);
        // A half block has three bytes.
        let line_len = self.side * 3 + BLACK_ON_WHITE.len() + RESET.len() + 1;
        let mut text = Zeroizing::new(String::with_capacity(lines * line_len));
        let mut rows = self.rows();
        while let Some(upper) = rows.next() {
            let lower = rows.next().unwrap_or(&light);
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(BLACK_ON_WHITE);
            text.extend(upper.iter().zip(lower).map(|halves| match halves {
                (false, false) => ' ',
                (true, false) => '▀',
                (false, true) => '▄',
                (true, true) => '█',
            }));
            text.push_str(RESET);
        }
        text
    }

    /// An SVG document: one path, a rectangle for each run of dark modules in a row.
    pub(super) fn svg(&self) -> Zeroizing<String> {
        let (side, px) = (self.side, self.side * MODULE_PX);
        // Runs are at least two modules apart, and none takes more than 32 characters.
        let mut text = Zeroizing::new(String::with_capacity(512 + side * side.div_ceil(2) * 32));
        text.push_str(&format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{px}\" height=\"{px}\" viewBox=\"0 0 {side} {side}\" \
             shape-rendering=\"crispEdges\">\n<path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/>\n\
             <path fill=\"#000\" d=\""
        ));
        for (y, row) in self.rows().enumerate() {
            let mut x = 0;
            for run in row.chunk_by(|one, next| one == next) {
                if run.first() == Some(&true) {
                    text.push_str(&Zeroizing::new(format!("M{x} {y}h{}v1H{x}z", run.len())));
                }
                x += run.len();
            }
        }
        text.push_str("\"/>\n</svg>\n");
        text
    }

    /// A PNG file of one bit a pixel.
    ///
    /// # Errors
    /// [`QrError::Png`] if the encoder refuses.
    pub(super) fn png(&self) -> Result<Zeroizing<Vec<u8>>, QrError> {
        // A module is as wide as a byte has bits, so that a module is a byte in each of its lines.
        const _: () = assert!(MODULE_PX == 8);
        let mut lines = Zeroizing::new(Vec::with_capacity(self.modules.len() * MODULE_PX));
        for row in self.rows() {
            for _ in 0..MODULE_PX {
                lines.extend(row.iter().map(|is_dark| if *is_dark { 0x00 } else { 0xff }));
            }
        }
        let refused = |error: &dyn fmt::Display| QrError::Png(error.to_string());
        let px = u32::try_from(self.side * MODULE_PX).map_err(|error| refused(&error))?;
        let mut file = Zeroizing::new(Vec::with_capacity(lines.len() + 1024));
        let mut encoder = png::Encoder::new(&mut *file, px, px);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        let mut writer = encoder.write_header().map_err(|error| refused(&error))?;
        writer.write_image_data(&lines).map_err(|error| refused(&error))?;
        writer.finish().map_err(|error| refused(&error))?;
        Ok(file)
    }
}

impl fmt::Debug for Qr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Qr").field("side", &self.side).finish_non_exhaustive()
    }
}

/// Refuses a picture's path where there is something already, before there is anything to write.
///
/// # Errors
/// `exists`.
pub(super) fn refuse_existing(path: &Path) -> Result<(), QrError> {
    match path.symlink_metadata() {
        Ok(_) => Err(PrivateFileError::Exists(path.to_owned()).into()),
        // Any other obstacle shows when the file is written.
        Err(_) => Ok(()),
    }
}

/// Writes a link's code to a new file with mode 0600. The ending of its name says which kind of picture it is.
///
/// # Errors
/// [`QrError::PictureName`] of another ending than `.png` and `.svg`; `exists` if there is such a file.
pub(super) fn write_picture(path: &Path, link: &str) -> Result<(), QrError> {
    let format = Format::of(path)?;
    let qr = Qr::of_link(link)?;
    match format {
        Format::Png => private::write_new(path, &qr.png()?)?,
        Format::Svg => private::write_new(path, qr.svg().as_bytes())?,
    }
    Ok(())
}

/// The lines that show a link's code on a terminal of so many columns; of unknown width if there is no terminal.
fn lines(link: &str, columns: Option<usize>) -> Result<Zeroizing<String>, QrError> {
    let qr = Qr::of_link(link)?;
    match columns {
        Some(columns) if columns < qr.columns() => {
            Err(QrError::TerminalWidth { needed: qr.columns(), columns })
        }
        _ => Ok(qr.terminal()),
    }
}

/// Prints a link's code for people. A code that does not fit is not printed, because no camera could read it: a note
/// says what to do.
///
/// # Errors
/// `output` when standard output is closed.
pub(super) fn show(output: Output, link: &str) -> Result<(), Failure> {
    if output.is_json() {
        return Ok(());
    }
    match lines(link, terminal_columns()) {
        Ok(lines) => output::print(&lines),
        Err(error) => {
            output.note(&format!("No QR code: {error}."));
            Ok(())
        }
    }
}

/// The lines that show a link's code on the terminal that standard output is. None if it is no terminal or too narrow.
#[must_use]
pub fn on_this_terminal(link: &str) -> Option<Zeroizing<String>> {
    terminal_columns().and_then(|columns| lines(link, Some(columns)).ok())
}

/// The width of the terminal that standard output is; some terminals do not know theirs and say 0.
fn terminal_columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

#[cfg(test)]
mod tests;
