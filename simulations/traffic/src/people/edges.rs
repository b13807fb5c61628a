//! Lists of who wrote to whom when, as collections of real traces have them.
//!
//! One line is one message: `src dst unixtime`, numbers with white space between them, in the order of time. `#` and `%`
//! begin comments. The file is read once, line by line. Not here: who is meant; users are numbered as they appear.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::PrepareError;
use crate::time::SimTime;

/// The most lines of a file, comments included.
const LINES_MAX: u64 = 10_000_000;
/// The longest line, in bytes.
const LINE_BYTES_MAX: u64 = 4096;
/// What a line has to be.
const LINE: &str = "src dst unixtime, three numbers with white space between them";

/// All messages of a file, by sender.
#[derive(Clone, Debug)]
pub(super) struct Edges {
    /// Where each user's messages begin, and behind the last user's their number.
    starts: Vec<u32>,
    /// When, from the first line of the file on, and for whom.
    messages: Vec<(SimTime, u32)>,
}

impl Edges {
    /// Reads a file for so many clients.
    ///
    /// # Errors
    /// The first line that cannot be used.
    pub(super) fn read(file: &Path, clients: u32) -> Result<Self, PrepareError> {
        let opened = File::open(file).map_err(|error| PrepareError::unreadable(file, &error))?;
        let mut reader = BufReader::new(opened);
        let mut list = List::new(file, clients);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut reader)
                .take(LINE_BYTES_MAX + 1)
                .read_until(b'\n', &mut line)
                .map_err(|error| PrepareError::unreadable(file, &error))?;
            if read == 0 {
                break;
            }
            list.add(&line)?;
        }
        if list.edges.is_empty() {
            return Err(list.refusal("the file ends without a message", LINE));
        }
        Ok(Self::by_sender(&list.edges, clients))
    }

    fn by_sender(edges: &[(u32, u32, SimTime)], clients: u32) -> Self {
        let mut starts = vec![0_u32; clients as usize + 1];
        for (source, _, _) in edges {
            if let Some(count) = starts.get_mut(*source as usize + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut order = starts.clone();
        let mut messages = vec![(SimTime::ZERO, 0); edges.len()];
        for (source, target, at) in edges {
            let Some(next) = order.get_mut(*source as usize) else { continue };
            if let Some(message) = messages.get_mut(*next as usize) {
                *message = (*at, *target);
            }
            *next += 1;
        }
        Self { starts, messages }
    }

    /// A user's messages, in the order of time: when and for whom.
    pub(super) fn of(&self, user: u32) -> &[(SimTime, u32)] {
        let user = user as usize;
        let range = self.starts.get(user).zip(self.starts.get(user + 1));
        range.and_then(|(from, to)| self.messages.get(*from as usize..*to as usize)).unwrap_or_default()
    }
}

/// What of a file has been read.
struct List<'a> {
    file: &'a Path,
    clients: u32,
    line: u64,
    /// The time of the first message and of the one before, in seconds.
    first_s: Option<f64>,
    before_s: f64,
    /// Users by their numbers in the file.
    users: HashMap<u64, u32>,
    edges: Vec<(u32, u32, SimTime)>,
}

impl<'a> List<'a> {
    fn new(file: &'a Path, clients: u32) -> Self {
        let (users, edges) = (HashMap::new(), Vec::new());
        Self { file, clients, line: 0, first_s: None, before_s: f64::NEG_INFINITY, users, edges }
    }

    fn refusal(&self, found: impl Into<String>, allowed: &str) -> PrepareError {
        PrepareError::line(self.file, self.line.max(1), found, allowed)
    }

    fn add(&mut self, line: &[u8]) -> Result<(), PrepareError> {
        self.line += 1;
        if self.line > LINES_MAX {
            return Err(self.refusal("one line too many", &format!("{LINES_MAX} lines")));
        }
        if line.len() as u64 > LINE_BYTES_MAX {
            return Err(self.refusal("the line is too long", &format!("{LINE_BYTES_MAX} bytes")));
        }
        let text = std::str::from_utf8(line).map_err(|_| self.refusal("the line is not UTF-8", LINE))?;
        let text = text.split(['#', '%']).next().unwrap_or_default();
        let mut fields = text.split_ascii_whitespace();
        let Some(source) = fields.next() else { return Ok(()) };
        let target = fields.next().ok_or_else(|| self.refusal("there is no dst", LINE))?;
        let time = fields.next().ok_or_else(|| self.refusal("there is no unixtime", LINE))?;
        // A fourth column means that the third may be a weight, as in lists of KONECT.
        if fields.next().is_some() {
            return Err(self.refusal("there are more than three numbers", LINE));
        }
        let at = self.time(time)?;
        let source = self.user("src", source)?;
        let target = self.user("dst", target)?;
        self.edges.push((source, target, at));
        Ok(())
    }

    fn time(&mut self, text: &str) -> Result<SimTime, PrepareError> {
        let Some(time_s) = text.parse::<f64>().ok().filter(|time_s| time_s.is_finite()) else {
            return Err(self.refusal(format!("unixtime is {text:?}"), "a number of seconds"));
        };
        if time_s < self.before_s {
            let allowed = format!("{} or later: lines are in the order of time", self.before_s);
            return Err(self.refusal(format!("unixtime is {text}"), &allowed));
        }
        self.before_s = time_s;
        Ok(SimTime::from_secs_f64(time_s - *self.first_s.get_or_insert(time_s)))
    }

    fn user(&mut self, field: &str, text: &str) -> Result<u32, PrepareError> {
        let Ok(number) = text.parse::<u64>() else {
            return Err(self.refusal(format!("{field} is {text:?}"), "a whole number from 0"));
        };
        if let Some(user) = self.users.get(&number) {
            return Ok(*user);
        }
        let user = u32::try_from(self.users.len()).ok().filter(|user| *user < self.clients);
        let Some(user) = user else {
            let found = format!("{field} {number} is one user too many");
            return Err(self.refusal(found, &format!("{}, the sum of clients[].count", self.clients)));
        };
        self.users.insert(number, user);
        Ok(user)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(text: &[u8], clients: u32) -> Result<Edges, PrepareError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text).unwrap();
        Edges::read(file.path(), clients)
    }

    /// Line, what was wrong, what is allowed.
    fn refused(text: &[u8], clients: u32) -> (u64, String, String) {
        match read(text, clients).unwrap_err() {
            PrepareError::Line { line, found, allowed, .. } => (line, found, allowed),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn lines_are_messages_of_users_in_the_order_of_their_appearance() {
        let text = b"% sym positive\n# a comment\n70 9 1000\n\n9 70\t1000.5 # reply\r\n70 8 1003\n8 8 1003";
        let edges = read(text, 4).unwrap();
        let secs = SimTime::from_secs_f64;
        assert_eq!(edges.of(0), [(secs(0.0), 1), (secs(3.0), 2)]);
        assert_eq!(edges.of(1), [(secs(0.5), 0)]);
        assert_eq!(edges.of(2), [(secs(3.0), 2)]);
        assert_eq!(edges.of(3), []);
        assert_eq!(edges.of(4), []);
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_its_line() {
        let cases: [(&[u8], u64, &str); 9] = [
            (b"1 2 5\n3\n", 2, "there is no dst"),
            (b"1 2 5\n\n3 4\n", 3, "there is no unixtime"),
            (b"# c\n1 2 1 5\n", 2, "there are more than three numbers"),
            (b"1 2 now\n", 1, "unixtime is \"now\""),
            (b"1 2 inf\n", 1, "unixtime is \"inf\""),
            (b"1 2 5\n1 bob 6\n", 2, "dst is \"bob\""),
            (b"-1 2 5\n", 1, "src is \"-1\""),
            (b"1 2 5\n1 2 6\n1 2 5\n", 3, "unixtime is 5"),
            (b"1 2 5\n1 \xff 6\n", 2, "the line is not UTF-8"),
        ];
        for (text, line, found) in cases {
            let refusal = refused(text, 10);
            assert_eq!((refusal.0, refusal.1.as_str()), (line, found));
        }
        assert_eq!(
            refused(b"1 2 5\n2 3 6\n", 2),
            (2, "dst 3 is one user too many".to_owned(), "2, the sum of clients[].count".to_owned())
        );
        assert_eq!(refused(b"1 2 5\n1 2 4\n", 2).2, "5 or later: lines are in the order of time");
        for empty in [b"".as_slice(), b"# nothing\n"] {
            assert_eq!(refused(empty, 2).1, "the file ends without a message");
        }
    }

    #[test]
    fn a_line_may_be_long_but_not_longer() {
        let with_comment = |length: usize| {
            let mut line = b"1 2 5 #".to_vec();
            line.resize(length, b'x');
            line
        };
        assert!(read(&with_comment(4096), 2).is_ok());
        assert_eq!(refused(&with_comment(4097), 2).1, "the line is too long");
    }

    #[test]
    fn a_file_may_have_many_lines_but_not_more() {
        let mut text = b"1 2 5\n".to_vec();
        text.resize(text.len() + usize::try_from(LINES_MAX).unwrap() - 1, b'\n');
        assert!(read(&text, 2).is_ok());
        text.push(b'\n');
        assert_eq!(refused(&text, 2).0, LINES_MAX + 1);
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Edges::read(Path::new("/nowhere/edges.txt"), 2).unwrap_err();
        assert_eq!(error.label(), "input-unreadable");
        assert!(error.to_string().starts_with("/nowhere/edges.txt: "), "{error}");
    }
}
