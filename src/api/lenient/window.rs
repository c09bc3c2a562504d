//! JSON that is read value by value while it comes: of a long answer only a window is in memory.

use std::{io::Read, ops::Range};

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Deserializer;

use super::surrogates;
use crate::{
    failure::{Failure, Reason},
    http::body,
};

/// As much is taken from the source at a time, in bytes. A value across the end of a piece is read twice, so a piece is many
/// times as long as an agent; and short enough to stay in the processor's caches.
const PIECE: usize = 128 * 1024;

/// A value that is longer is no item of a list, in bytes: it would have to be in memory all at once.
const MAX_VALUE: usize = 8 << 20;

/// A type that may borrow from the text that it is read from.
pub trait Shape {
    /// The same type with this lifetime.
    type Of<'a>: Deserialize<'a>;
}

/// The JSON from the next value on, as far as it is there.
pub struct Window<R> {
    source: R,
    text: String,
    /// Where in the text the next value begins.
    at: usize,
    /// Bytes of text that are gone.
    passed: usize,
    /// The beginning of a character whose end has not come yet.
    begun: Vec<u8>,
    ended: bool,
}

impl<R: Read> Window<R> {
    /// At the beginning of this source, behind a byte order mark.
    pub fn new(source: R) -> Result<Window<R>, Failure> {
        let mut window = Window { source, text: String::new(), at: 0, passed: 0, begun: Vec::new(), ended: false };
        window.fill()?;
        if window.text.starts_with('\u{feff}') {
            window.at = '\u{feff}'.len_utf8();
        }
        Ok(window)
    }

    /// The byte that comes next behind white space, which stays; `None` at the end.
    pub fn peek(&mut self) -> Result<Option<u8>, Failure> {
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
            self.at += blank;
            if let Some(byte) = rest.get(blank) {
                return Ok(Some(*byte));
            }
            if self.ended {
                return Ok(None);
            }
            self.fill()?;
        }
    }

    /// Takes this byte if it comes next behind white space.
    pub fn take(&mut self, wanted: u8) -> Result<bool, Failure> {
        let is_there = self.peek()? == Some(wanted);
        self.at += usize::from(is_there);
        Ok(is_there)
    }

    /// Reads the next value and hands it over. The inner error is that of JSON which is not of this type; it was passed over.
    pub fn value<T: Shape, O>(
        &mut self,
        then: impl FnOnce(T::Of<'_>) -> O,
    ) -> Result<Result<O, serde_json::Error>, Failure> {
        let error = loop {
            let text = &self.text[self.at..];
            let mut values = Deserializer::from_str(text).into_iter::<T::Of<'_>>();
            match values.next() {
                Some(Ok(value)) => {
                    let end = values.byte_offset();
                    // At the very end of what is there a number may go on.
                    if self.ended || end < text.len() {
                        let done = then(value);
                        self.at += end;
                        return Ok(Ok(done));
                    }
                }
                Some(Err(error)) if self.ended || !is_cut(&error, text) => break error,
                Some(Err(_)) | None => {}
            }
            drop(values);
            if self.ended {
                return Err(self.unexpected("JSON ends too early"));
            }
            self.fill()?;
        };
        let value = self.skip()?;
        Ok(match surrogates::repair(&self.text[value]) {
            Some(json) => serde_json::from_str(&json).map(then),
            None => Err(error),
        })
    }

    /// Passes over the next value, whatever it is. Returns where it was.
    fn skip(&mut self) -> Result<Range<usize>, Failure> {
        loop {
            let text = &self.text[self.at..];
            let mut values = Deserializer::from_str(text).into_iter::<IgnoredAny>();
            let value = values.next();
            let end = values.byte_offset();
            match value {
                Some(Ok(_)) if self.ended || end < text.len() => {
                    let begin = self.at;
                    self.at += end;
                    return Ok(begin..self.at);
                }
                Some(Err(error)) if self.ended || !is_cut(&error, text) => {
                    return Err(self.broken(super::list::what_is_wrong(&error)));
                }
                Some(_) | None => self.fill()?,
            }
        }
    }

    /// The failure of what comes next, which is not what it should be.
    pub fn unexpected(&mut self, what: &str) -> Failure {
        match self.peek() {
            Ok(Some(_)) => self.broken(what),
            Ok(None) => self.broken("JSON ends too early"),
            Err(failure) => failure,
        }
    }

    /// The failure at this place. It never quotes what is there.
    pub fn broken(&self, what: &str) -> Failure {
        Failure::new(Reason::Decode, format!("{what} (byte {})", self.passed + self.at))
    }

    /// Gets more, if there is more.
    fn fill(&mut self) -> Result<(), Failure> {
        self.passed += self.at;
        let mut bytes = std::mem::take(&mut self.text).into_bytes();
        bytes.drain(..self.at);
        self.at = 0;
        if bytes.len() >= MAX_VALUE {
            let message = format!("a value of more than {MAX_VALUE} bytes (byte {})", self.passed);
            return Err(Failure::new(Reason::TooLarge, message));
        }
        // A value that is longer than the window is tried again with twice as much.
        let wanted = PIECE.max(bytes.len());
        bytes.append(&mut self.begun);
        let count = (&mut self.source).take(wanted as u64).read_to_end(&mut bytes).map_err(body::failure)?;
        self.ended = count < wanted;
        if let Some(start) = begun(&bytes).filter(|_| !self.ended) {
            self.begun = bytes.split_off(start);
        }
        // Bytes that are no UTF-8 cost a name its looks, not the list.
        self.text = String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into());
        Ok(())
    }
}

/// Whether a value that cannot be read may go on behind this text. Of a number that it passes over and that is cut the parser
/// says that it is wrong, not that it ends.
fn is_cut(error: &serde_json::Error, text: &str) -> bool {
    error.is_eof() || text.ends_with(['-', '+', '.', 'e', 'E'])
}

/// Where the last character begins, if its end is missing.
fn begun(bytes: &[u8]) -> Option<usize> {
    let start = bytes.len() - bytes.len().min(3);
    let first = |byte: &u8| byte & 0b1100_0000 == 0b1100_0000;
    let last = start + bytes[start..].iter().rposition(first)?;
    let is_cut = |error: std::str::Utf8Error| error.error_len().is_none();
    std::str::from_utf8(&bytes[last..]).is_err_and(is_cut).then_some(last)
}

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, io};

    use super::{
        super::{Field, Object, items},
        *,
    };

    /// Gives its bytes in pieces of these sizes, again and again.
    struct Drip<'a>(&'a [u8], &'a [usize], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.2 += 1;
            let most = self.1[self.2 % self.1.len()].min(buffer.len());
            self.0.read(&mut buffer[..most])
        }
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Thing<'a> {
        id: Field<i64>,
        #[serde(borrow)]
        name: Field<Cow<'a, str>>,
    }

    impl Shape for Thing<'_> {
        type Of<'a> = Thing<'a>;
    }

    /// Ids and lengths of the names of a list.
    fn read(source: impl Read) -> Result<Vec<Option<(i64, usize)>>, Failure> {
        let mut found = Vec::new();
        let each = |item: Option<Thing<'_>>| {
            found.push(item.and_then(|thing| Some((thing.id.ok()?, thing.name.ok().map_or(0, |name| name.len())))));
        };
        items::<Thing<'_>>(source, "value", each).map(|_| found)
    }

    #[test]
    fn a_list_is_the_same_wherever_its_pieces_end() {
        // Values end at every place of a piece; one is longer than several pieces.
        let items: Vec<String> = (0..9_000)
            .map(|id| match id {
                17 => format!("{{\"id\":17,\"name\":\"{}\"}}", "x".repeat(3 * PIECE)),
                id if id % 50 == 0 => "123456".to_owned(),
                id => {
                    let name = "\u{20ac}\\n".repeat(id % 23);
                    format!("{{\"a\":-1.5e-7,\"id\":{id} , \"name\":\"\u{e9}{name}\",\"b\":[true,null,2]}}")
                }
            })
            .collect();
        let body = format!("{{\"count\":9000,\"value\":[{}],\"more\":{{\"a\":[1,2]}}}}", items.join(",\n"));
        let whole = read(body.as_bytes()).expect("a list");
        assert_eq!(whole.len(), 9_000);
        assert_eq!(whole[17], Some((17, 3 * PIECE)));
        assert_eq!(whole[8_999], Some((8_999, 2 + 4 * (8_999 % 23))));
        for sizes in [&[7, 1, PIECE, 3][..], &[1000], &[PIECE - 1, 2]] {
            assert!(read(Drip(body.as_bytes(), sizes, 0)).expect("a list") == whole, "{sizes:?}");
        }
        for cut in [1, 2, 5, PIECE, PIECE + 1, body.len() / 2] {
            let failure = read(&body.as_bytes()[..body.len() - cut]).expect_err("it is cut off");
            assert_eq!(failure.reason, Reason::Decode, "{failure}");
        }
    }

    #[test]
    fn a_value_without_end_is_given_up() {
        let endless = |start: &'static str| start.as_bytes().chain(io::repeat(b'x').take(1 << 30));
        for start in ["[{\"name\":\"", "{\"more\":\"", "{\""] {
            let failure = read(endless(start)).expect_err("it has no end");
            assert_eq!(failure.reason, Reason::TooLarge, "{failure}");
        }
        let deep = b"[".chain(io::repeat(b'[').take(1 << 20));
        assert_eq!(read(deep).expect_err("it has no end").reason, Reason::Decode);
        let blank = b"[".chain(io::repeat(b' ').take(64 << 20)).chain(&b"{\"id\":1}]"[..]);
        assert_eq!(read(blank).expect("a list"), [Some((1, 0))]);
    }

    #[test]
    fn an_item_may_end_its_piece_at_any_byte() {
        let item = "{\"a\":-1.5e-7,\"id\":5,\"b\":{\"c\":[-2,3E+4,\"\\ud83d\\ude00\u{20ac}\"],\"d\":false},\"name\":\"x\\\\\"}";
        for start in PIECE - item.len() - 2..=PIECE {
            let body = format!("[{}{item}]", " ".repeat(start));
            assert_eq!(read(body.as_bytes()).expect("a list"), [Some((5, 2))], "from byte {start} on");
        }
    }

    #[test]
    fn half_a_character_costs_itself() {
        let half = r#"{"id":2,"name":"a\ud83d"}"#;
        let body = format!(r#"[{{"id":1}},{half},{{"id":3,"name":"\ude00\ud83d\ude00"}},{{"id":5}}]"#);
        let expected = [Some((1, 0)), Some((2, 4)), Some((3, 7)), Some((5, 0))];
        assert_eq!(read(body.as_bytes()).expect("a list"), expected);
        for start in PIECE - half.len() - 1..=PIECE {
            let body = format!("[{}{half}]", " ".repeat(start));
            assert_eq!(read(body.as_bytes()).expect("a list"), [Some((2, 4))], "from byte {start} on");
        }
    }

    #[test]
    fn a_value_of_another_type_is_passed_over() {
        let mut window = Window::new(&b"\xef\xbb\xbf [1] \"\xff\" 12"[..]).expect("bytes");
        assert!(window.value::<String, _>(|_| ()).expect("JSON").is_err());
        assert_eq!(window.value::<String, _>(|text| text).expect("JSON").expect("a text"), "\u{fffd}");
        assert_eq!(
            window.value::<Object<Thing<'_>>, _>(|thing| thing.0.ok().is_none()).expect("JSON").ok(),
            Some(true)
        );
        assert_eq!(window.peek().expect("bytes"), None);
        assert_eq!(window.value::<String, _>(|_| ()).expect_err("the end").message, "JSON ends too early (byte 16)");
    }
}
